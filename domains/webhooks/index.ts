export type { CommandResult, DeliveryCommands } from './commands/commands';
export { createWorkflowCommands } from './commands/workflow-commands';
export { webhooksConfig } from './config';
export { type RoundReport, runRound } from './delivery/attempt-round';
export { openDelivery } from './delivery/open-delivery';
export { webhooks } from './domain';
export { changeEndpoint, createEndpoint, moveEndpoint, withEndpoint } from './endpoints/changes';
export { checkEndpointUrl } from './endpoints/check-url';
export { openHeaders, openSecret, sealSecret } from './endpoints/sealing';
export { webhookMetrics } from './metrics';
export { openPublishing } from './publishing/open-publishing';
export { coverEvent, type OwnEvent, type StoredEvent, storeEvent } from './publishing/publish-event';
export type { Publisher, PublishInput, PublishResult } from './publishing/publisher';
export { isReservedHeader, MAX_CUSTOM_HEADERS } from './rules/custom-headers';
export { DEFAULT_RETRY_DELAYS_MS } from './rules/retry-schedule';
export { newSecret, parseSecret, sign, verifySignature } from './rules/signature';
export {
  DEAD_LETTER_STATES,
  type DeadLetter,
  discardDeadLetter,
  findDeadLetter,
  listDeadLetters,
} from './store/dead-letter-reads';
export { cancelDeliveries, makeDue } from './store/delivery-commands';
export {
  type Attempt,
  DELIVERY_STATES,
  type Delivery,
  findAttempt,
  findDelivery,
  listAttempts,
  listDeliveries,
} from './store/delivery-reads';
export { insertEndpointSecret, listEndpointSecrets, retireEndpointSecrets } from './store/endpoint-secrets';
export {
  bumpEndpointVersion,
  deleteEndpoint,
  ENDPOINT_STATES,
  type Endpoint,
  findEndpoint,
  listEndpoints,
} from './store/endpoints';
export {
  deleteEventType,
  type EventType,
  findEventType,
  insertEventType,
  listEventTypes,
  updateEventType,
} from './store/event-types';
export {
  expireMessageContent,
  findMessage,
  listMessages,
  type MessageSummary,
  type MessageWithBody,
} from './store/message-reads';
export { forgetOld, type RetentionReport } from './upkeep/retention';
export { type SweepReport, sweep } from './upkeep/sweep';
