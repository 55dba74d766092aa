import { ledger } from '../../domains/ledger';
import type { Door } from '../http/door';
import { ledgerRoutes } from './routes';

export const ledgerDoor: Door = { domain: ledger, routes: ledgerRoutes };
