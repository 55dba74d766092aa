// biome-ignore-all assist/source/organizeImports: grouped by what it is for

// What a process opens.
export { webhooksConfig } from './config';
export { openDispatch } from './delivery/open-dispatch';
export { webhooks } from './domain';
export { webhookMetrics } from './metrics';
export { openPublishing } from './publishing/open-publishing';
export { createCoveredOutbox, type EventOutbox, openEventOutbox, type StoreEvents } from './publishing/event-outbox';

// Messages: what tenants publish, and Waybill's own events.
export type { Publisher, PublishInput, PublishResult } from './publishing/publisher';
export { type BatchEntry, publishBatch } from './publishing/batch-publisher';
export { deliverEvents } from './publishing/deliver-events';
export { type ConflictMetrics, conflictMetrics } from './publishing/event-conflict';
export { type OwnEvent, type StoredEvent, storeEvent } from './publishing/publish-event';
export { expireMessageContent, findMessage, forgetEventContents, listMessages } from './store/message-reads';
export type { MessageSummary, MessageWithBody } from './store/message-reads';
export { dataOf } from './rules/envelope';

// Deliveries and dead letters, and commands on them.
export type { CommandResult } from './commands/command';
export { cancelDelivery } from './commands/cancel-delivery';
export { retryDelivery } from './commands/retry-delivery';
export { discardDeadLetter } from './commands/discard-dead-letter';
export { retryDeadLetter } from './commands/retry-dead-letter';
export { DELIVERY_STATES, findAttempt, findDelivery, listAttempts, listDeliveries } from './store/delivery-reads';
export type { Attempt, Delivery } from './store/delivery-reads';
export {
  DEAD_LETTER_STATES,
  type DeadLetter,
  findDeadLetter,
  listDeadLetters,
  STATUS_CLASSES,
} from './store/dead-letter-reads';
export { openDeadLetterCounts } from './dead-letter-counts';
export type { DeadLetterCount, DeadLetterStats } from './store/dead-letter-stats';

// Circuits of endpoints.
export { type CircuitCommand, commandCircuit, showCircuit } from './circuit/circuit-commands';
export { DEFAULT_HEAD_OF_LINE, ORDERINGS } from './rules/ordering';
export { type CircuitSettings, DEFAULT_CIRCUIT } from './rules/circuit';

// Jobs over many deliveries.
export { commandReplay } from './replay/command-replay';
export type { ReplayCount } from './replay/count-replay';
export { doneOf, etaSeconds } from './replay/eta';
export { type ReplayReport, replayRound } from './replay/replay-round';
export { type ReplayWish, startReplay, tryReplay } from './replay/start-replay';
export { REPLAYABLE_STATES } from './rules/replay-filter';
export { REPLAY_COMMANDS, type ReplayCommand, replayWorkflowId } from './rules/workflow-names';
export { findReplay, listReplays, readReplayOutcomes, REPLAY_STATES, type Replay, steerReplay } from './store/replays';

// Endpoints and their secrets.
export { createEndpoint } from './endpoints/create-endpoint';
export { changeEndpoint } from './endpoints/change-endpoint';
export { deleteEndpoint } from './endpoints/delete-endpoint';
export { moveEndpoint } from './endpoints/move-endpoint';
export { testEndpoint } from './endpoints/test-endpoint';
export { rotateSecret } from './endpoints/rotate-secret';
export { type LiveSecrets, showSecrets } from './endpoints/live-secrets';
export { openHeaders } from './endpoints/sealing';
export { ENDPOINT_STATES, type Endpoint, findEndpoint, listEndpoints } from './store/endpoints';
export { isReservedHeader, MAX_CUSTOM_HEADERS } from './rules/custom-headers';
export { DEFAULT_RETRY_DELAYS_MS } from './rules/retry-schedule';

// Waybill's own events.
export { type EventPayload, type EventPayloads, WEBHOOK_EVENTS } from './event-payloads';

// The catalogue of event types.
export { changeEventType, deleteEventType } from './event-types/change-event-type';
export { createEventType } from './event-types/create-event-type';
export {
  isSystemEventId,
  isSystemEventType,
  NOTIFICATION_EVENT_TYPE,
  SYSTEM_EVENT_TYPES,
  SYSTEM_NAMESPACES,
  type SystemEventType,
  TEST_EVENT_TYPE,
} from './rules/system-events';
export { findEventType, listEventTypes } from './store/event-types';
export type { EventType } from './store/event-types';

// Lanes: what goes first.
export { LANES, type Lane, TIERS, WEEKDAYS } from './rules/lane';
export { changePriorityRules } from './priority/change-priority-rules';
export { findPriorityRules, type PriorityRules } from './store/lane-rules';

// What the activities of its workflows do.
export { type RoundReport, attemptRound } from './delivery/attempt-round';
export { type BacklogReport, serveBacklog } from './backlog/serve-backlog';
export { drainCircuit } from './circuit/drain-circuit';
export { escalate, giveAllClear } from './circuit/escalate';
export { probeCircuit } from './circuit/probe-circuit';
export type { RecoveryReport } from './circuit/recovery-report';
export { steerCircuit } from './store/circuits';
export { cancelDeliveries, makeDue } from './store/delivery-commands';
export { type SweepReport, sweep } from './upkeep/sweep';
export { forgetOld, type RetentionReport } from './upkeep/retention';

// Standard Webhooks signatures, which payment callbacks and the stand-ins also carry.
export { newSecret, parseSecret, sign, verifySignature } from './rules/signature';
