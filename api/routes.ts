import type { Authenticator } from '../domains/accounts/authenticator';
import { apiKeyRoutes } from './accounts/api-keys/routes';
import { tenantRoutes } from './accounts/tenants/routes';
import type { AppDeps } from './deps';
import { financeRoutes } from './finance/routes';
import { openApiDocument } from './http/openapi';
import type { Route } from './http/route';
import { operationRoutes } from './operations/routes';
import { deadLetterRoutes } from './webhooks/dead-letters/routes';
import { deliveryRoutes } from './webhooks/deliveries/routes';
import { endpointRoutes } from './webhooks/endpoints/routes';
import { endpointSecretRoutes } from './webhooks/endpoints/secret-routes';
import { endpointTestRoute } from './webhooks/endpoints/test-route';
import { eventTypeRoutes } from './webhooks/event-types/routes';
import { messageRoutes } from './webhooks/messages/routes';

/** Every route of the API. Express tries them in this order, so the busiest comes first. */
export function apiRoutes(deps: AppDeps, authenticator: Authenticator): Route[] {
  const routes: Route[] = [
    ...messageRoutes(deps),
    ...deliveryRoutes(deps),
    ...deadLetterRoutes(deps),
    ...endpointRoutes(deps),
    endpointTestRoute(deps),
    ...endpointSecretRoutes(deps),
    ...financeRoutes(deps),
    ...eventTypeRoutes(deps),
    ...apiKeyRoutes(deps, authenticator),
    ...tenantRoutes(deps),
    ...operationRoutes(deps, () => openApiDocument(routes)),
  ];
  return routes;
}
