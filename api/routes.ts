import { openCaches } from '../infra/cache/caches';
import { accountsDoor } from './accounts';
import { approvalsDoor } from './approvals';
import { GLOSSARY, TAGS } from './glossary';
import type { Door, DoorContext } from './http/door';
import { openApiDocument } from './http/openapi';
import type { Route } from './http/route';
import { inboundDoor } from './inbound';
import { ledgerDoor } from './ledger';
import { merchantsDoor } from './merchants';
import { notificationsDoor } from './notifications';
import { cacheRoutes } from './operations/cache-routes';
import { type OperationDeps, operationRoutes } from './operations/routes';
import { paymentsDoor } from './payments';
import { preferencesDoor } from './preferences';
import { settlementDoor } from './settlement';
import { webhooksDoor } from './webhooks';

/** Every domain's door. Express tries their routes in this order, so the busiest comes first. */
export const DOORS: readonly Door[] = [
  webhooksDoor,
  inboundDoor,
  preferencesDoor,
  notificationsDoor,
  paymentsDoor,
  merchantsDoor,
  ledgerDoor,
  settlementDoor,
  approvalsDoor,
  accountsDoor,
];

/** Every route of the API. */
export function apiRoutes(context: DoorContext, readiness: OperationDeps['readiness']): Route[] {
  const routes: Route[] = [
    ...DOORS.flatMap((door) => door.routes(context)),
    ...cacheRoutes({ pool: context.pool, caches: context.once(openCaches) }),
    ...operationRoutes({
      readiness,
      document: () => apiDocument(routes, context.scopes),
    }),
  ];
  return routes;
}

/** The OpenAPI document of these routes, and of the events that their domains make. */
export function apiDocument(routes: readonly Route[], scopes: readonly string[]) {
  const events = Object.assign({}, ...DOORS.map((door) => door.events ?? {}));
  return openApiDocument({ routes, scopes, events, tags: TAGS, glossary: GLOSSARY });
}
