import { inbound } from '../../domains/inbound';
import type { Door } from '../http/door';
import { eventRoutes } from './event-routes';
import { receiveRoute } from './receive-route';
import { secretRoutes } from './secret-routes';
import { sourceRoutes } from './source-routes';

export const inboundDoor: Door = {
  domain: inbound,
  routes: (context) => [
    ...sourceRoutes(context),
    ...secretRoutes(context),
    ...eventRoutes(context),
    receiveRoute(context),
  ],
};
