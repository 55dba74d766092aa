import { apiKeyRoutes } from './api-keys/routes';
import type { Authenticator } from './auth/authenticator';
import { deadLetterRoutes } from './dead-letters/routes';
import { deliveryRoutes } from './deliveries/routes';
import type { AppDeps } from './deps';
import { endpointRoutes } from './endpoints/routes';
import { endpointSecretRoutes } from './endpoints/secret-routes';
import { endpointTestRoute } from './endpoints/test-route';
import { eventTypeRoutes } from './event-types/routes';
import { financeRoutes } from './finance/routes';
import { messageRoutes } from './messages/routes';
import { openApiDocument } from './openapi';
import { operationRoutes } from './operations/routes';
import type { Route } from './route';
import { tenantRoutes } from './tenants/routes';

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
