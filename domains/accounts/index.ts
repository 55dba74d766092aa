export { accountsConfig } from './config';
export { accounts } from './domain';

// Who makes a request, and what they may do.

export { Authenticator, type Principal, type UnknownKeyGuard } from './authenticator';
export type { ScopeSet } from './scopes';

// API keys.

export { ensureAdminKey } from './admin-key';
export { newApiKey } from './api-key-format';
export { createApiKey } from './create-api-key';
export type { IssuedApiKey } from './issue-api-key';
export { revokeApiKey } from './revoke-api-key';
export { rotateApiKey } from './rotate-api-key';
export { showApiKey } from './show-api-key';
export { type ApiKey, listApiKeys } from './store/api-keys';

// Tenants.

export { createTenant } from './create-tenant';
export { findTenant, listTenants, type Tenant } from './store/tenants';
