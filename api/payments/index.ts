import { payments } from '../../domains/payments';
import type { Door } from '../http/door';
import { paymentRoutes } from './routes';

export const paymentsDoor: Door = { domain: payments, routes: paymentRoutes };
