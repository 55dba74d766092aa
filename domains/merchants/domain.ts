import type { Domain } from '../../infra/platform/domain';

/** Businesses, merchants and their fees; the scopes are those of everything about money but payments. */
export const merchants: Domain = {
  name: 'merchants',
  scopes: ['finance:read', 'finance:write'],
};
