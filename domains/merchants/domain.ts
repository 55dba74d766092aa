import type { Domain } from '../../infra/platform/domain';

/** Businesses, merchants and their fees; the scopes cover everything about money except payments. */
export const merchants: Domain = {
  name: 'merchants',
  scopes: ['finance:read', 'finance:write'],
};
