// API keys.
export { ensureAdminKey } from './admin-key';
export { newApiKey } from './api-key-format';

// Who makes a request, and what they may do.
export { Authenticator, type Principal } from './authenticator';
export { accountsConfig } from './config';
export { createApiKey } from './create-api-key';
// Tenants.
export { createTenant } from './create-tenant';
export { accounts } from './domain';
export type { IssuedApiKey } from './issue-api-key';
export { revokeApiKey } from './revoke-api-key';
export { rotateApiKey } from './rotate-api-key';
export type { ScopeSet } from './scopes';
export { showApiKey } from './show-api-key';
export { type ApiKey, listApiKeys } from './store/api-keys';
export { findTenant, listTenants, type Tenant } from './store/tenants';
