import { fromUuid, type PublicId, toUuid, uuidFloor } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { IS_HELD } from './circuit-state';
import { isDead } from './replay-selection';
import type { Replay } from './replays';

/** What a job walks over: an endpoint, or the whole tenant. */
export interface Target {
  /** A bare UUID. */
  scope: string;
  countedTo: string | undefined;
  position: string | undefined;
  total: number;
  done: number;
  mostWaiting: number;
  /** Since its last turn, in milliseconds. */
  sinceTurnMs: number;
}

/** Adds the one target of a job. */
export async function addTarget(db: Queryable, replayId: PublicId, scope: PublicId): Promise<void> {
  await db.query({
    text: 'INSERT INTO replay_targets (replay_id, scope) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    values: [toUuid(replayId), toUuid(scope)],
  });
}

/** The next endpoints of a tenant that can get something, in the order of their ids. Index: endpoints_by_tenant. */
export async function readEndpoints(
  db: Queryable,
  tenantId: PublicId,
  after: string | undefined,
  limit: number,
): Promise<{ id: string; usable: boolean }[]> {
  const { rows } = await db.query<{ id: string; usable: boolean }>({
    name: 'replay-endpoints',
    text: `SELECT id, state <> 'disabled' AS usable FROM endpoints
           WHERE (tenant_id, id) > ($1, $2::uuid) AND (tenant_id, id) < ($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             AND deleted_at IS NULL
           ORDER BY tenant_id, id LIMIT $3`,
    values: [toUuid(tenantId), after ?? '0'.repeat(32), limit],
  });
  return rows;
}

/** Adds those of these endpoints that have anything to walk over. */
export async function addTargets(db: Queryable, replay: Replay, endpointIds: readonly string[]): Promise<void> {
  const { id, source, filter } = replay;
  const onlyDead = filter.states.every((state) => state === 'dead' || state === 'discarded');
  const [table, key, condition] =
    source === 'dead-letters'
      ? ['dead_letters', 'place', "AND x.state = 'open'"]
      : ['deliveries', 'id', onlyDead ? `AND ${isDead('x')}` : ''];
  await db.query({
    text: `INSERT INTO replay_targets (replay_id, scope)
           SELECT $1, e.id FROM unnest($2::uuid[]) AS e (id)
           WHERE EXISTS (SELECT FROM ${table} x WHERE (x.endpoint_id, x.${key}) >= (e.id, $3::uuid)
                           AND (x.endpoint_id, x.${key}) < (e.id, $4::uuid) ${condition})
           ON CONFLICT DO NOTHING`,
    values: [
      toUuid(id),
      endpointIds,
      filter.since === undefined ? '0'.repeat(32) : uuidFloor(new Date(filter.since).getTime()),
      filter.until === undefined ? 'f'.repeat(32) : uuidFloor(new Date(filter.until).getTime()),
    ],
  });
}

interface Row {
  scope: string;
  counted_to: string | null;
  position: string | null;
  total: string;
  done: string;
  most_waiting: number;
  since_turn_ms: number;
}

const COLUMNS = `scope, counted_to, position, total, done, most_waiting,
  (extract(epoch FROM now() - turn_at) * 1000)::float8 AS since_turn_ms`;

export async function nextUncounted(db: Queryable, replayId: PublicId): Promise<Target | undefined> {
  const { rows } = await db.query<Row>({
    name: 'next-uncounted-target',
    text: `SELECT ${COLUMNS} FROM replay_targets WHERE replay_id = $1 AND NOT counted ORDER BY replay_id, scope LIMIT 1`,
    values: [toUuid(replayId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** The target that has waited longest for its turn. */
export async function nextTurn(db: Queryable, replayId: PublicId): Promise<Target | undefined> {
  const { rows } = await db.query<Row>({
    name: 'next-target',
    text: `SELECT ${COLUMNS} FROM replay_targets WHERE replay_id = $1 AND NOT finished
           ORDER BY replay_id, turn_at, scope LIMIT 1`,
    values: [toUuid(replayId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

export async function recordCount(
  db: Queryable,
  replayId: PublicId,
  scope: string,
  { to, matching, counted }: { to: string | undefined; matching: number; counted: boolean },
): Promise<void> {
  await db.query({
    name: 'record-target-count',
    text: `UPDATE replay_targets SET counted_to = coalesce($3::uuid, counted_to), total = total + $4::int, counted = $5::boolean
           WHERE replay_id = $1 AND scope = $2`,
    values: [toUuid(replayId), scope, to, matching, counted],
  });
}

export async function recordTurn(
  db: Queryable,
  replayId: PublicId,
  scope: string,
  turn: { position?: string | undefined; done?: number; finished?: boolean; mostWaiting?: number },
): Promise<void> {
  await db.query({
    name: 'record-target-turn',
    text: `UPDATE replay_targets SET position = coalesce($3::uuid, position), done = done + $4::int,
             finished = finished OR $5::boolean, most_waiting = coalesce($6::int, most_waiting), turn_at = clock_timestamp()
           WHERE replay_id = $1 AND scope = $2`,
    values: [toUuid(replayId), scope, turn.position, turn.done ?? 0, turn.finished ?? false, turn.mostWaiting],
  });
}

/** Forgets the targets of a job that has ended. */
export async function removeTargets(db: Queryable, replayId: PublicId): Promise<void> {
  await db.query({ text: 'DELETE FROM replay_targets WHERE replay_id = $1', values: [toUuid(replayId)] });
}

/** Whether what is due for an endpoint is held; undefined for one that is disabled or deleted. */
export async function readHolding(db: Queryable, endpointId: PublicId): Promise<boolean | undefined> {
  const { rows } = await db.query<{ held: boolean }>({
    name: 'replay-endpoint-holds',
    text: `SELECT ${IS_HELD} AS held FROM endpoints e WHERE e.id = $1 AND e.deleted_at IS NULL AND e.state <> 'disabled'`,
    values: [toUuid(endpointId)],
  });
  return rows[0]?.held;
}

function fromRow(row: Row): Target {
  return {
    scope: row.scope,
    countedTo: row.counted_to ?? undefined,
    position: row.position ?? undefined,
    total: Number(row.total),
    done: Number(row.done),
    mostWaiting: row.most_waiting,
    sinceTurnMs: row.since_turn_ms,
  };
}

/** The endpoint of a target. */
export function endpointOf({ scope }: Target): PublicId {
  return fromUuid('ep', scope);
}
