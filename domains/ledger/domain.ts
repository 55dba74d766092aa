import type { Domain } from '../../infra/platform/domain';

/** Its routes use the scopes `finance:read` and `finance:write`. */
export const ledger: Domain = { name: 'ledger' };
