import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { type Condition, mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { ReplayFilter } from '../rules/replay-filter';
import type { ReplayCommand } from '../rules/workflow-names';
import { idRange } from './message-reads';

export const REPLAY_STATES = ['preparing', 'running', 'paused', 'cancelling', 'completed', 'cancelled'] as const;
export type ReplayState = (typeof REPLAY_STATES)[number];
export type ReplayAction = 'replay' | 'discard';
export type ReplaySource = 'deliveries' | 'dead-letters';

/** A job over many deliveries, as it was asked for. */
export interface NewReplay {
  id: PublicId;
  tenantId: PublicId;
  action: ReplayAction;
  source: ReplaySource;
  /** Undefined for all of the tenant's. */
  endpointId: PublicId | undefined;
  filter: ReplayFilter;
  /** Deliveries a second at most. */
  rateLimit: number | undefined;
  reason: string | undefined;
  /** The API key that asked for it. */
  actor: PublicId;
}

export interface Replay extends NewReplay {
  state: ReplayState;
  prepared: boolean;
  preparedTo: string | undefined;
  /** How many there are; undefined until all are counted. */
  total: number | undefined;
  counted: number;
  /** Reopened, or discarded. */
  moved: number;
  /** Left alone: they changed meanwhile, their content has expired, or their endpoint was disabled. */
  skipped: number;
  /** Reopened, but not attempted since. */
  waiting: number;
  /** Reopened, and brought back when it was cancelled. */
  returned: number;
  /** While it is being cancelled: the last delivery that was looked at. */
  returnedTo: string | undefined;
  /** Done a second, as last measured. */
  rate: number | undefined;
  /** How many the rate limit allows now. */
  tokens: number;
  createdAt: Date;
  updatedAt: Date;
  endedAt: Date | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  action: ReplayAction;
  source: ReplaySource;
  endpoint_id: string | null;
  filter: ReplayFilter;
  rate_limit: number | null;
  reason: string | null;
  actor: string;
  state: ReplayState;
  prepared: boolean;
  prepared_to: string | null;
  total: string | null;
  counted: string;
  moved: string;
  skipped: string;
  waiting: string;
  returned: string;
  returned_to: string | null;
  rate: number | null;
  tokens: number;
  created_at: Date;
  updated_at: Date;
  ended_at: Date | null;
}

const TOKENS = `CASE WHEN rate_limit IS NULL THEN 0 ELSE
  least(rate_limit, tokens + rate_limit * extract(epoch FROM now() - refilled_at))::float8 END`;
const COLUMNS = `id, tenant_id, action, source, endpoint_id, filter, rate_limit, reason, actor, state, prepared, prepared_to,
  total, counted, moved, skipped, waiting, returned, returned_to, rate, ${TOKENS} AS tokens, created_at, updated_at, ended_at`;

/** Stores a job. @returns false when it is there already */
export async function insertReplay(db: Queryable, replay: NewReplay): Promise<boolean> {
  const { filter } = replay;
  const { from, before } = idRange({
    since: filter.since === undefined ? undefined : new Date(filter.since),
    until: filter.until === undefined ? undefined : new Date(filter.until),
  });
  const { rowCount } = await db.query({
    name: 'insert-replay',
    text: `INSERT INTO replays (id, tenant_id, action, source, endpoint_id, filter, from_id, before_id, rate_limit, reason, actor)
           VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`,
    values: [
      toUuid(replay.id),
      toUuid(replay.tenantId),
      replay.action,
      replay.source,
      replay.endpointId === undefined ? null : toUuid(replay.endpointId),
      JSON.stringify(filter),
      from,
      before,
      replay.rateLimit,
      replay.reason,
      replay.actor,
    ],
  });
  return rowCount === 1;
}

export async function findReplay(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Replay | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-replay',
    text: `SELECT ${COLUMNS} FROM replays WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: replays_by_tenant. */
export async function listReplays(
  db: Queryable,
  tenantId: PublicId,
  filter: { state?: ReplayState | undefined },
  request: PageRequest,
): Promise<Page<Replay>> {
  const conditions: Condition[] = filter.state === undefined ? [] : [['state = ?', filter.state]];
  const query = {
    columns: COLUMNS,
    table: 'replays',
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'id' },
    filter: conditions,
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** Locks a job until the transaction ends: its steps are made one at a time, whoever makes them. */
export async function lockReplay(db: Queryable, id: PublicId): Promise<Replay | undefined> {
  const { rows } = await db.query<Row>({
    name: 'lock-replay',
    text: `SELECT ${COLUMNS} FROM replays WHERE id = $1 FOR UPDATE`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** What a step has done; what is left out did not change. */
export interface StepOutcome {
  preparedTo?: string;
  prepared?: boolean;
  counted?: number;
  moved?: number;
  skipped?: number;
  returned?: number;
  returnedTo?: string | undefined;
  state?: 'running' | 'completed' | 'cancelled';
}

/** SQL for how many deliveries of the job `$1` wait for their first attempt. Index: deliveries_replaying. */
const WAITING = `(
  SELECT count(*) FROM deliveries
  WHERE replay_id = $1 AND state IN ('pending', 'retrying') AND attempts = attempts_before)`;

/** Adds a step to a job that the caller has locked. */
export async function recordStep(db: Queryable, id: PublicId, step: StepOutcome): Promise<void> {
  const { moved = 0 } = step;
  await db.query({
    name: 'record-replay-step',
    text: `UPDATE replays SET
             prepared_to = coalesce($2::uuid, prepared_to), prepared = prepared OR $3::boolean,
             counted = counted + $4::int, moved = moved + $5::int, skipped = skipped + $6::int,
             returned = returned + $8::int, returned_to = coalesce($9::uuid, returned_to),
             tokens = ${TOKENS} - $5::int, refilled_at = now(),
             total = CASE WHEN $7::text IS NOT NULL THEN coalesce(total, counted) ELSE total END,
             waiting = CASE $7::text WHEN 'completed' THEN 0 WHEN 'cancelled' THEN ${WAITING} ELSE waiting END,
             state = coalesce($7::text, state),
             ended_at = CASE WHEN $7::text IN ('completed', 'cancelled') THEN now() ELSE ended_at END,
             updated_at = now()
           WHERE id = $1`,
    values: [
      toUuid(id),
      step.preparedTo,
      step.prepared ?? false,
      step.counted ?? 0,
      moved,
      step.skipped ?? 0,
      step.state,
      step.returned ?? 0,
      step.returnedTo,
    ],
  });
}

/** How long a rate is measured before the next measurement. */
const MEASURED_MS = 2_000;

/** Notes where a job stands, and that a workflow attends to it for so long. */
export async function noteProgress(db: Queryable, id: PublicId, attendedMs: number): Promise<Replay | undefined> {
  const { rows } = await db.query<Row>({
    name: 'note-replay-progress',
    text: `WITH waiting AS (
             SELECT ${WAITING} AS waiting
           ), measured AS (
             SELECT r.id, w.waiting, r.moved + r.skipped - r.returned - w.waiting AS done,
                    extract(epoch FROM now() - coalesce(r.measured_at, r.created_at)) AS seconds
             FROM replays r, waiting w WHERE r.id = $1
           ), noted AS (
             UPDATE replays r SET
               waiting = m.waiting, attended_until = now() + $2::int * interval '1 millisecond',
               rate = CASE WHEN m.seconds * 1000 < $3 THEN r.rate
                           ELSE (coalesce(r.rate, (m.done - r.measured_done) / m.seconds)
                                 + (m.done - r.measured_done) / m.seconds) / 2 END,
               measured_done = CASE WHEN m.seconds * 1000 < $3 THEN r.measured_done ELSE m.done END,
               measured_at = CASE WHEN m.seconds * 1000 < $3 THEN r.measured_at ELSE now() END
             FROM measured m WHERE r.id = m.id
             RETURNING r.*
           )
           SELECT ${COLUMNS} FROM noted`,
    values: [toUuid(id), attendedMs, MEASURED_MS],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/**
 * Pauses, resumes or cancels a job, at once for all processes; one that is there already stays as it is.
 *
 * @returns its state afterwards, and whether the command applies to it; undefined when there is none
 */
export async function steerReplay(
  db: Queryable,
  id: PublicId,
  command: ReplayCommand,
): Promise<{ state: ReplayState; steered: boolean } | undefined> {
  const { rows } = await db.query<{ state: ReplayState; steered: boolean }>({
    name: 'steer-replay',
    text: `WITH target AS (
             SELECT id, state, action, moved FROM replays WHERE id = $1 FOR UPDATE
           ), steered AS (
             UPDATE replays r SET updated_at = now(), tokens = 0, refilled_at = now(), attended_until = NULL,
               measured_at = now(), measured_done = r.moved + r.skipped - r.returned - r.waiting,
               state = CASE $2 WHEN 'pause' THEN 'paused' WHEN 'cancel' THEN
                                 CASE WHEN t.action = 'replay' AND t.moved > 0 THEN 'cancelling' ELSE 'cancelled' END
                               ELSE CASE WHEN r.total IS NULL THEN 'preparing' ELSE 'running' END END,
               ended_at = CASE WHEN $2 = 'cancel' AND NOT (t.action = 'replay' AND t.moved > 0) THEN now() END
             FROM target t
             WHERE r.id = t.id AND CASE $2 WHEN 'pause' THEN t.state IN ('preparing', 'running')
                                           WHEN 'resume' THEN t.state = 'paused'
                                           ELSE t.state IN ('preparing', 'running', 'paused') END
             RETURNING r.state
           ), removed AS (
             DELETE FROM replay_targets WHERE replay_id = $1 AND EXISTS (SELECT FROM steered WHERE state IN ('cancelling', 'cancelled'))
           )
           SELECT coalesce((SELECT state FROM steered), t.state) AS state,
                  EXISTS (SELECT FROM steered) OR CASE $2 WHEN 'pause' THEN t.state = 'paused'
                    WHEN 'resume' THEN t.state IN ('preparing', 'running') ELSE t.state IN ('cancelling', 'cancelled') END AS steered
           FROM target t`,
    values: [toUuid(id), command],
  });
  return rows[0];
}

/** Jobs that go on, and that no workflow says that it attends to. Index: replays_active. */
export async function findUnattendedReplays(
  db: Queryable,
  graceMs: number,
  limit: number,
): Promise<{ id: PublicId; tenantId: PublicId; endpointId: PublicId | undefined }[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string; endpoint_id: string | null }>({
    name: 'find-unattended-replays',
    text: `SELECT id, tenant_id, endpoint_id FROM replays
           WHERE state IN ('preparing', 'running', 'cancelling')
             AND coalesce(attended_until, updated_at + $1::int * interval '1 millisecond') < now() LIMIT $2`,
    values: [graceMs, limit],
  });
  return rows.map((row) => ({
    id: fromUuid('rpl', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    endpointId: row.endpoint_id === null ? undefined : fromUuid('ep', row.endpoint_id),
  }));
}

const MOST_COUNTED = 1_000_000;

/** What has become of a replay's deliveries, each counted up to a million. Index: deliveries_by_replay. */
export async function readReplayOutcomes(db: Queryable, id: PublicId): Promise<Record<string, number>> {
  const { rows } = await db.query<{ state: string; count: number }>({
    name: 'read-replay-outcomes',
    text: `SELECT s.state, c.count FROM unnest('{delivered,retrying,held,dead,cancelled}'::text[]) AS s (state),
             LATERAL (SELECT count(*)::int AS count FROM (
               SELECT FROM deliveries d WHERE d.replay_id = $1 AND d.state = s.state LIMIT $2) counted) c`,
    values: [toUuid(id), MOST_COUNTED],
  });
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

function fromRow(row: Row): Replay {
  return {
    id: fromUuid('rpl', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    action: row.action,
    source: row.source,
    endpointId: row.endpoint_id === null ? undefined : fromUuid('ep', row.endpoint_id),
    filter: row.filter,
    rateLimit: row.rate_limit ?? undefined,
    reason: row.reason ?? undefined,
    actor: row.actor,
    state: row.state,
    prepared: row.prepared,
    preparedTo: row.prepared_to ?? undefined,
    total: row.total === null ? undefined : Number(row.total),
    counted: Number(row.counted),
    moved: Number(row.moved),
    skipped: Number(row.skipped),
    waiting: Number(row.waiting),
    returned: Number(row.returned),
    returnedTo: row.returned_to ?? undefined,
    rate: row.rate ?? undefined,
    tokens: row.tokens,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    endedAt: row.ended_at ?? undefined,
  };
}
