export { ensureAdminKey } from './admin-key';
export { newApiKey } from './api-key-format';
export { Authenticator, type Principal } from './authenticator';
export { accountsConfig } from './config';
export { accounts } from './domain';
export { ScopeSet } from './scopes';
export {
  type ApiKey,
  endApiKeyAfter,
  findApiKey,
  insertApiKey,
  listApiKeys,
  type NewApiKey,
  replaceApiKeySecret,
  revokeApiKey,
} from './store/api-keys';
export { findTenant, insertTenant, listTenants, type Tenant } from './store/tenants';
