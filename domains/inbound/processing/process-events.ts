import { randomUUID } from 'node:crypto';
import { codeOf } from '../../../core/error-code';
import { createFairLimit } from '../../../core/fair-limit';
import { Refusal } from '../../../core/refusal';
import { withTimeout } from '../../../core/timeout';
import type { Platform } from '../../../infra/platform/platform';
import { isItemFault } from '../../../infra/postgres/errors';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { openPublishing, type Publisher } from '../../webhooks';
import { inboundMetrics } from '../metrics';
import { payloadOf } from '../rules/payload';
import { LONGEST_DELAY_MS, retryDelayMs } from '../rules/retry-delays';
import { eventTypeOf, type InboundRoute } from '../rules/route';
import type { InboundReport } from '../rules/states';
import {
  type LeasedEvent,
  leaseEvents,
  lockLeased,
  type Outcome,
  openEvents,
  recordOutcomes,
} from '../store/processing';
import { type Handlers, type InboundHandler, openHandlers } from './handlers';

/** Events of one lease: enough to fill the publisher's commits. */
const PAGE = 500;
const PAGE_BYTES = 16_000_000;
const LEASE_MS = 60_000;

/** Events under way at once. Those for endpoints share commits; each handler's takes a connection for a moment. */
const AT_ONCE = 200;
const HANDLERS_AT_ONCE = 4;

/** A round ends after so long, so that a workflow with many events shows how far it has got. */
const ROUND_MS = 20_000;

/** The least pause after a round that found nothing to do: what is left is somebody else's at the moment. */
const IDLE_MS = 1_000;

const HANDLED_WITHIN_MS = 30_000;

const MAX_ERROR = 500;

/** Half of a pair may be left by the cut. */
const UNSTORABLE = /[\0\p{Surrogate}]/gu;

type EndpointsRoute = Extract<InboundRoute, { to: 'endpoints' }>;

export interface ProcessingDeps {
  platform: Platform;
  /** What events for endpoints are published through. */
  publisher: Pick<Publisher, 'publish'>;
  handlers: Handlers;
}

/** What the processing of a process needs. */
export function processingDeps(platform: Platform): ProcessingDeps {
  const { publisher } = platform.once(openPublishing);
  return { platform, publisher, handlers: platform.once(openHandlers) };
}

/**
 * Processes the events of a workflow that are due: each becomes a message, or goes to a handler. An event whose process
 * dies on the way is processed again by the next round; a message is published once all the same, since its event id
 * is the event's, and a handler's changes are committed with the event's end.
 */
export async function processEvents(deps: ProcessingDeps, workflowId: string): Promise<InboundReport> {
  const { pool } = deps.platform;
  const counts = { processed: 0, retrying: 0, failed: 0 };
  const until = performance.now() + ROUND_MS;
  for (;;) {
    const claim = randomUUID();
    const terms = { workflowId, claim, leaseMs: LEASE_MS, limit: PAGE, maxBytes: PAGE_BYTES };
    const events = await leaseEvents(pool, terms);
    if (events.length === 0) break;
    await processPage(deps, { claim, until }, events, counts);
    if (performance.now() > until) break;
  }
  const { open, nextInMs } = await openEvents(pool, workflowId);
  const idle = counts.processed + counts.retrying + counts.failed === 0;
  return { ...counts, open, nextInMs: idle ? Math.max(nextInMs, IDLE_MS) : nextInMs };
}

/** What is to be recorded of an event; or that this is done; or that it is left to the next round. */
type End = Outcome | 'recorded' | 'left';

type Counts = Pick<InboundReport, 'processed' | 'retrying' | 'failed'>;

async function processPage(
  { platform, publisher, handlers }: ProcessingDeps,
  { claim, until }: { claim: string; until: number },
  events: readonly LeasedEvent[],
  counts: Counts,
): Promise<void> {
  const { pool, log } = platform;
  const publishes = createFairLimit(AT_ONCE);
  const handles = createFairLimit(HANDLERS_AT_ONCE);

  async function process(event: LeasedEvent): Promise<End> {
    const { route } = event;
    if (route.to === 'endpoints') return publishes.run('', () => publish(event, route));
    const handler = handlers.get(route.handler);
    if (handler === undefined) return { state: 'failed', error: `there is no handler ${route.handler}` };
    return handles.run('', () => handle(handler, event));
  }

  async function handle(handler: InboundHandler, event: LeasedEvent): Promise<End> {
    if (performance.now() > until) return 'left';
    try {
      return await inTransaction(pool, async (db) => {
        if (!(await lockLeased(db, event.id, claim))) return 'left';
        await withinTime(db, (own) => handler.handle(event, own));
        await recordOutcomes(db, claim, [{ id: event.id, outcome: { state: 'processed', messageId: undefined } }]);
        return 'recorded';
      });
    } catch (error) {
      log.warn({ err: error, eventId: event.id, handler: handler.name }, 'an inbound event was not handled');
      const message = told(error);
      const delayMs = retryDelayMs(event.attempts + 1);
      return delayMs === undefined
        ? { state: 'failed', error: message }
        : { state: 'pending', error: message, delayMs };
    }
  }

  async function publish(event: LeasedEvent, route: EndpointsRoute): Promise<Outcome> {
    try {
      return await published(publisher, event, route);
    } catch (error) {
      log.warn({ err: error, eventId: event.id }, 'an inbound event was not published');
      if (isItemFault(error)) return { state: 'failed', error: 'it cannot be published as it is' };
      // Nothing is wrong with the event, so it is not given up.
      const delayMs = retryDelayMs(event.attempts + 1) ?? LONGEST_DELAY_MS;
      return { state: 'pending', error: 'it could not be published yet', delayMs };
    }
  }

  const ends = await Promise.all(events.map(async (event) => ({ id: event.id, outcome: await process(event) })));
  const left = ends.flatMap(({ id, outcome }) => (typeof outcome === 'string' ? [] : [{ id, outcome }]));
  if (left.length > 0) await recordOutcomes(pool, claim, left);
  const metric = platform.metrics.of(inboundMetrics).processed;
  for (const { outcome } of ends) {
    const end = outcome === 'recorded' ? 'processed' : outcome === 'left' ? undefined : END[outcome.state];
    if (end === undefined) continue;
    counts[end]++;
    metric.inc({ outcome: end === 'retrying' ? 'retried' : end });
  }
}

/** Gives a handler its time, and the connection for no longer: afterwards that is somebody else's. @throws TimedOut */
async function withinTime(db: Queryable, handle: (db: Queryable) => Promise<void>): Promise<void> {
  let isOver = false;
  const own: Queryable = {
    query: (statement) => (isOver ? Promise.reject(new Error('the time to handle it is over')) : db.query(statement)),
  };
  await withTimeout(handle(own), HANDLED_WITHIN_MS).finally(() => {
    isOver = true;
  });
}

/** What a handler has thrown, as the tenant may see it. What servers say is for the log. */
function told(error: unknown): string {
  if (!(error instanceof Error) || !(error instanceof Refusal || codeOf(error) === ''))
    return 'it could not be handled';
  return error.message.slice(0, MAX_ERROR).replace(UNSTORABLE, '\ufffd');
}

const END = { processed: 'processed', failed: 'failed', pending: 'retrying' } as const;

async function published(
  publisher: ProcessingDeps['publisher'],
  event: LeasedEvent,
  route: EndpointsRoute,
): Promise<Outcome> {
  const result = await publisher.publish({
    tenantId: event.tenantId,
    eventType: eventTypeOf(route, event.headers, event.body),
    data: payloadOf(event.body, event.headers['content-type']),
    channels: route.channels,
    eventId: event.id,
  });
  // Published before the route was changed, by somebody who did not live to say so.
  if (result.outcome === 'conflict') return { state: 'processed', messageId: undefined };
  return { state: 'processed', messageId: result.id };
}
