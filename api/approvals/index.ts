import { approvals } from '../../domains/approvals';
import type { Door } from '../http/door';
import { approvalRoutes } from './routes';

export const approvalsDoor: Door = { domain: approvals, routes: approvalRoutes };
