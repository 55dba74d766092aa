import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { openDeadLetterCounts } from '../dead-letter-counts';
import { nextMostWaiting } from '../rules/replay-filter';
import {
  closeDeadLetters,
  countWaiting,
  findLines,
  findWaitingEndpoints,
  reopenDeliveries,
  returnDeliveries,
} from '../store/replay-moves';
import { readSlice, type Selection } from '../store/replay-selection';
import {
  addTarget,
  addTargets,
  endpointOf,
  nextTurn,
  nextUncounted,
  readEndpoints,
  readHolding,
  recordCount,
  recordTurn,
  removeTargets,
  type Target,
} from '../store/replay-targets';
import { lockReplay, type Replay, recordStep } from '../store/replays';

/** What a step did. */
export interface Step {
  /** Whether the job goes on. */
  goesOn: boolean;
  /** Whether anything was done: otherwise a pause is due. */
  worked: boolean;
  /** The endpoint whose backlog got something. */
  filled?: PublicId;
  /** Ordered endpoints whose dead letters were discarded: their lines may move. */
  lines?: readonly PublicId[];
  /** The tenant some of whose dead letters it has closed or opened again. */
  deadLettersOf?: PublicId;
}

const ENDPOINTS_AT_ONCE = 500;
const COUNTED_AT_ONCE = 5_000;
const SLICE = 1_000;
const OVER: Step = { goesOn: false, worked: false };

/**
 * One step of a job, in one transaction with what it adds to the job's counts: whoever is killed when, each delivery is
 * moved once, and counted once. A job that is paused or has ended does nothing.
 */
export async function replayStep(pool: Pool, replayId: PublicId): Promise<Step> {
  return inTransaction(pool, async (db) => {
    const replay = await lockReplay(db, replayId);
    if (replay?.state === 'preparing') return prepare(db, replay);
    if (replay?.state === 'running') return move(db, replay);
    if (replay?.state === 'cancelling') return bringBack(db, replay);
    return OVER;
  });
}

/** As {@link replayStep}, and whoever counts dead letters hears of it. */
export async function replayStepTold(platform: Platform, replayId: PublicId): Promise<Step> {
  const step = await replayStep(platform.pool, replayId);
  if (step.deadLettersOf !== undefined) await platform.once(openDeadLetterCounts).changed(step.deadLettersOf);
  return step;
}

/** Where a job walks in one of its targets. */
function selectionOf(replay: Replay, target: Target): Selection {
  const { action, source, filter, createdAt, tenantId } = replay;
  const scope = isWhole(replay)
    ? ({ column: 'tenant_id', id: tenantId } as const)
    : ({ column: 'endpoint_id', id: endpointOf(target) } as const);
  return { action, source, scope, filter, askedAt: createdAt };
}

/** To discard nobody has to be reached, so all of a tenant's dead letters are one target, deleted endpoints' too. */
function isWhole({ action, endpointId }: Replay): boolean {
  return action === 'discard' && endpointId === undefined;
}

async function prepare(db: Queryable, replay: Replay): Promise<Step> {
  const { id, tenantId, endpointId } = replay;
  const worked = { goesOn: true, worked: true };
  if (!replay.prepared) {
    const only = isWhole(replay) ? tenantId : endpointId;
    if (only !== undefined) {
      await addTarget(db, id, only);
      await recordStep(db, id, { prepared: true });
      return worked;
    }
    const endpoints = await readEndpoints(db, tenantId, replay.preparedTo, ENDPOINTS_AT_ONCE);
    await addTargets(
      db,
      replay,
      endpoints.filter(({ usable }) => usable).map((endpoint) => endpoint.id),
    );
    const last = endpoints.at(-1)?.id;
    const prepared = endpoints.length < ENDPOINTS_AT_ONCE;
    await recordStep(db, id, { prepared, ...(last === undefined ? {} : { preparedTo: last }) });
    return worked;
  }
  const target = await nextUncounted(db, id);
  if (target === undefined) {
    await recordStep(db, id, { state: 'running' });
    return worked;
  }
  const slice = await readSlice(db, selectionOf(replay, target), target.countedTo, COUNTED_AT_ONCE);
  const matching = slice.filter(({ matches }) => matches).length;
  const counted = slice.length < COUNTED_AT_ONCE;
  await recordCount(db, id, target.scope, { to: slice.at(-1)?.key, matching, counted });
  await recordStep(db, id, { counted: matching });
  return worked;
}

async function move(db: Queryable, replay: Replay): Promise<Step> {
  const { id, action, tenantId } = replay;
  const target = await nextTurn(db, id);
  if (target === undefined) return finish(db, replay);
  const held = await isHeld(db, replay, target);
  if (held === undefined) {
    const skipped = Math.max(0, target.total - target.done);
    await recordTurn(db, id, target.scope, { finished: true, done: skipped });
    await recordStep(db, id, { skipped });
    return { goesOn: true, worked: true };
  }
  const { most, mostWaiting } = await roomOf(db, replay, target, held);
  if (most < 1) {
    await recordTurn(db, id, target.scope, { mostWaiting });
    return { goesOn: true, worked: false };
  }
  const slice = await readSlice(db, selectionOf(replay, target), target.position, SLICE);
  const matching = slice.filter(({ matches }) => matches);
  const chosen = matching.slice(0, most);
  const whole = chosen.length === matching.length;
  const ids = chosen.map(({ deliveryId }) => deliveryId);
  const { moved, lines, closed } = await moveAll(db, replay, ids, held);
  const position = whole ? slice.at(-1)?.key : chosen.at(-1)?.key;
  const finished = whole && slice.length < SLICE;
  await recordTurn(db, id, target.scope, { position, done: ids.length, finished, mostWaiting });
  await recordStep(db, id, { moved, skipped: ids.length - moved });
  const filled = action === 'replay' && moved > 0 && !held ? { filled: endpointOf(target) } : {};
  return { goesOn: true, worked: true, lines, ...filled, ...(closed > 0 ? { deadLettersOf: tenantId } : {}) };
}

/** Whether what is reopened has to be held; undefined when nothing may be reopened. */
async function isHeld(db: Queryable, { action }: Replay, target: Target): Promise<boolean | undefined> {
  if (action === 'discard') return false;
  return readHolding(db, endpointOf(target));
}

async function roomOf(
  db: Queryable,
  replay: Replay,
  target: Target,
  held: boolean,
): Promise<{ most: number; mostWaiting: number }> {
  const allowed = replay.rateLimit === undefined ? SLICE : Math.floor(replay.tokens);
  if (replay.action === 'discard' || held) return { most: Math.min(SLICE, allowed), mostWaiting: target.mostWaiting };
  const waiting = await countWaiting(db, replay.id, endpointOf(target), target.mostWaiting);
  const mostWaiting = nextMostWaiting(target.mostWaiting, waiting, target.sinceTurnMs);
  return { most: Math.min(SLICE, allowed, mostWaiting - waiting), mostWaiting };
}

async function moveAll(
  db: Queryable,
  replay: Replay,
  ids: readonly string[],
  held: boolean,
): Promise<{ moved: number; lines: PublicId[]; closed: number }> {
  if (ids.length === 0) return { moved: 0, lines: [], closed: 0 };
  const { id, action, source, filter, createdAt, reason = '', actor } = replay;
  if (action === 'discard') {
    const closed = await closeDeadLetters(db, ids, { state: 'discarded', reason, by: actor });
    return { moved: closed.length, lines: await findLines(db, closed), closed: closed.length };
  }
  const { states } = filter;
  const revives = source === 'dead-letters' || states.includes('dead');
  // Dead letters before deliveries, as whoever retries a single one does.
  const revived = revives ? await closeDeadLetters(db, ids, { state: 'retried' }) : [];
  const moved = await reopenDeliveries(db, ids, { replayId: id, askedAt: createdAt, states, revived, held });
  return { moved, lines: [], closed: revived.length };
}

/** Brings back a page of what a cancelled job has reopened and nobody attempted; it ends with the last page. */
async function bringBack(db: Queryable, { id, returnedTo, tenantId }: Replay): Promise<Step> {
  const { seen, last, returned } = await returnDeliveries(db, id, returnedTo, SLICE);
  const goesOn = seen === SLICE;
  await recordStep(db, id, { returned, returnedTo: last, ...(goesOn ? {} : { state: 'cancelled' }) });
  return { goesOn, worked: true, ...(returned > 0 ? { deadLettersOf: tenantId } : {}) };
}

/** Ends a job once each delivery was attempted, or is held for a paused endpoint. */
async function finish(db: Queryable, replay: Replay): Promise<Step> {
  const { id, tenantId, action, actor, reason } = replay;
  if ((await findWaitingEndpoints(db, id, 1)).length > 0) return { goesOn: true, worked: false };
  // Those that no longer fitted when their turn came, such as those that another replay was faster with.
  const missed = Math.max(0, (replay.total ?? 0) - replay.moved - replay.skipped);
  await recordStep(db, id, { state: 'completed', skipped: missed });
  await removeTargets(db, id);
  const payload = { moved: replay.moved, skipped: replay.skipped + missed, reason };
  const did = action === 'discard' ? 'dead_letters.discarded' : 'deliveries.replayed';
  await appendAudit(db, tenantId, { actor, action: did, subject: id, payload });
  return OVER;
}
