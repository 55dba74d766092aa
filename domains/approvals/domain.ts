import type { Domain } from '../../infra/platform/domain';
import { approvalsConfig } from './config';

/** Its routes use the scopes of payments, whose commands it began with. */
export const approvals: Domain = { name: 'approvals', config: approvalsConfig };
