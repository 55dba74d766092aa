// biome-ignore-all assist/source/organizeImports: grouped by what it is for

// What a process opens.
export { inbound } from './domain';
export { inboundConfig } from './config';
export { openReceiving, type Receiving } from './receiving/open-receiving';
export { SignatureRefused, SnsUnreachable } from './refusals';

// For domains that handle events of their own.
export { type HandledEvent, type Handlers, type InboundHandler, openHandlers } from './processing/handlers';

// Sources and their secrets.
export { createSource } from './sources/create-source';
export { changeSource, deleteSource } from './sources/change-source';
export { addInboundSecret, type AddedSecret, removeInboundSecret, showInboundSecrets } from './sources/secrets';
export { showBlocks, unblockSource } from './sources/blocks';
export { findSource, type InboundSource, listSources, type SourceSettings } from './store/sources';
export type { InboundSecret } from './store/secrets';
export type { Block } from './store/refusals';
export { DEFAULT_EVENT_ID, defaultToleranceMs, MAX_TOLERANCE_MS, SCHEMES } from './rules/schemes';
export { TOPIC_ARN } from './rules/sns';
export { POINTER } from './rules/json-pointer';

// Events.
export { findEvent, type InboundEvent, type InboundEventWithBody, listEvents } from './store/events';
export { retryEvent } from './processing/retry-event';
export { INBOUND_STATES, type InboundReport } from './rules/states';

// What the activities of its workflows do.
export { processEvents, processingDeps } from './processing/process-events';
export { type InboundSweepReport, sweepInbound } from './upkeep/sweep';
