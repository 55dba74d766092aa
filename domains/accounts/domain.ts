import type { Domain } from '../../infra/platform/domain';
import { accountsConfig } from './config';

/** Tenants and their API keys. `*` is every scope but `admin`, which is for tenants and for keys of other tenants. */
export const accounts: Domain = {
  name: 'accounts',
  config: accountsConfig,
  scopes: ['*', 'admin', 'api-keys:read', 'api-keys:write'],
};
