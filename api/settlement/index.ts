import { settlement } from '../../domains/settlement';
import type { Door } from '../http/door';
import { settlementRoutes } from './routes';

export const settlementDoor: Door = { domain: settlement, routes: settlementRoutes };
