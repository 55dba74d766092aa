import { openPublishing, WEBHOOK_EVENTS, webhooks } from '../../domains/webhooks';
import type { Door } from '../http/door';
import { circuitRoutes } from './circuit/routes';
import { deadLetterRoutes } from './dead-letters/routes';
import { deliveryRoutes } from './deliveries/routes';
import { endpointRoutes } from './endpoints/routes';
import { endpointSecretRoutes } from './endpoints/secret-routes';
import { endpointTestRoute } from './endpoints/test-route';
import { eventTypeRoutes } from './event-types/routes';
import { messageBatchRoute } from './messages/batch-route';
import { messageRoutes } from './messages/routes';
import { priorityRoutes } from './priority/routes';
import { replayRoutes } from './replays/routes';

export const webhooksDoor: Door = {
  domain: webhooks,
  events: WEBHOOK_EVENTS,
  routes: (context) => {
    const { publisher } = context.once(openPublishing);
    return [
      ...messageRoutes({ ...context, publisher }),
      messageBatchRoute({ ...context, publisher }),
      ...deliveryRoutes(context),
      ...replayRoutes(context),
      ...deadLetterRoutes(context),
      ...endpointRoutes(context),
      ...circuitRoutes(context),
      endpointTestRoute({ ...context, publisher }),
      ...endpointSecretRoutes(context),
      ...eventTypeRoutes(context),
      ...priorityRoutes(context),
    ];
  },
};
