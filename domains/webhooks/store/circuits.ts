import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type CircuitSettings, DEFAULT_CIRCUIT } from '../rules/circuit';
import type { EndpointState } from './endpoints';

/** Whether deliveries of an endpoint are attempted: see the migration. */
export type CircuitState = 'closed' | 'open' | 'draining';

/** An endpoint's circuit, with its present or last incident. */
export interface Circuit {
  endpointId: PublicId;
  tenantId: PublicId;
  state: CircuitState;
  settings: CircuitSettings;
  endpointState: EndpointState | 'deleted';
  url: string;
  timeoutMs: number;
  fallbackUrl: string | undefined;
  /** Names the incident; undefined if there was none so far. */
  incident: string | undefined;
  openedAt: Date | undefined;
  closedAt: Date | undefined;
  /** By the database's clock. */
  openForMs: number;
  reason: string | undefined;
  lastError: string | undefined;
  /** Probes of the incident that have failed. */
  probes: number;
  probedWith: PublicId | undefined;
  /** Milliseconds until a probe under way is given up; undefined while none is. */
  probingForMs: number | undefined;
  nextProbeAt: Date | undefined;
  nextProbeInMs: number;
  paused: boolean;
  /** Deliveries a second while it drains. */
  drainRate: number;
  escalated: string[];
}

interface Row {
  tenant_id: string;
  circuit: CircuitState;
  circuit_settings: CircuitSettings | null;
  state: EndpointState;
  deleted: boolean;
  url: string;
  timeout_ms: number;
  fallback_url: string | null;
  incident: string | null;
  opened_at: Date | null;
  closed_at: Date | null;
  open_for_ms: number | null;
  reason: string | null;
  last_error: string | null;
  probes: number | null;
  probed_with: string | null;
  probing_for_ms: number | null;
  next_probe_at: Date | null;
  next_probe_in_ms: number | null;
  paused: boolean | null;
  drain_rate: number | null;
  escalated: string[] | null;
}

/** Reads an endpoint's circuit, deleted ones too. Index: both primary keys. */
export async function readCircuit(db: Queryable, endpointId: PublicId): Promise<Circuit | undefined> {
  const { rows } = await db.query<Row>({
    name: 'read-circuit',
    text: `SELECT e.tenant_id, e.circuit, e.circuit_settings, e.state, e.deleted_at IS NOT NULL AS deleted, e.url,
                  e.timeout_ms, e.fallback_url, c.incident, c.opened_at, c.closed_at, c.reason, c.last_error, c.probes,
                  c.probed_with, c.next_probe_at, c.paused, c.drain_rate, c.escalated,
                  (extract(epoch FROM now() - c.opened_at) * 1000)::float8 AS open_for_ms,
                  (extract(epoch FROM c.probing_until - now()) * 1000)::float8 AS probing_for_ms,
                  (extract(epoch FROM c.next_probe_at - now()) * 1000)::float8 AS next_probe_in_ms
           FROM endpoints e LEFT JOIN endpoint_circuits c ON c.endpoint_id = e.id WHERE e.id = $1`,
    values: [toUuid(endpointId)],
  });
  const [row] = rows;
  return row === undefined ? undefined : fromRow(endpointId, row);
}

function fromRow(endpointId: PublicId, row: Row): Circuit {
  const settings = { ...DEFAULT_CIRCUIT, ...row.circuit_settings };
  const probingForMs = row.probing_for_ms ?? 0;
  return {
    endpointId,
    tenantId: fromUuid('ten', row.tenant_id),
    state: row.circuit,
    settings,
    endpointState: row.deleted ? 'deleted' : row.state,
    url: row.url,
    timeoutMs: row.timeout_ms,
    fallbackUrl: row.fallback_url ?? undefined,
    incident: row.incident ?? undefined,
    openedAt: row.opened_at ?? undefined,
    closedAt: row.closed_at ?? undefined,
    openForMs: row.open_for_ms ?? 0,
    reason: row.reason ?? undefined,
    lastError: row.last_error ?? undefined,
    probes: row.probes ?? 0,
    probedWith: row.probed_with === null ? undefined : fromUuid('dlv', row.probed_with),
    probingForMs: probingForMs > 0 ? probingForMs : undefined,
    nextProbeAt: row.next_probe_at ?? undefined,
    nextProbeInMs: Math.max(0, row.next_probe_in_ms ?? 0),
    paused: row.paused ?? false,
    drainRate: row.drain_rate ?? settings.drainPerSecond,
    escalated: row.escalated ?? [],
  };
}

/** Whether an incident is under way; an endpoint may also drain to have its dead letters delivered. */
export function hasIncident({ incident, closedAt }: Pick<Circuit, 'incident' | 'closedAt'>): boolean {
  return incident !== undefined && closedAt === undefined;
}

/** The same in SQL, of the row `c`. */
const HAS_INCIDENT = '(c.incident IS NOT NULL AND c.closed_at IS NULL)';

/** How long a process that opened a circuit has to start its workflow, among many, before the sweep does. */
export const FIRST_ATTENDED_MS = 60_000;

/** An incident that begins. */
export interface NewIncident {
  endpointId: PublicId;
  incident: string;
  reason: string;
  lastError: string | undefined;
  firstProbeMs: number;
}

/**
 * Opens the circuit of an enabled endpoint; of one that drains after an incident, for the same.
 *
 * @returns false when it is open already, or the endpoint is not enabled
 */
export async function openCircuit(db: Queryable, opening: NewIncident): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'open-circuit',
    text: `WITH before AS (
             SELECT id, circuit FROM endpoints
             WHERE id = $1 AND circuit <> 'open' AND state = 'enabled' AND deleted_at IS NULL
               AND coalesce((circuit_settings ->> 'enabled')::boolean, true)
             FOR NO KEY UPDATE
           ), opened AS (
             UPDATE endpoints e SET circuit = 'open', probe_wanted = false FROM before b WHERE e.id = b.id
             RETURNING e.id, b.circuit = 'draining' AS draining
           ), happened AS (
             SELECT o.id, o.draining AND ${HAS_INCIDENT} AS again
             FROM opened o JOIN endpoint_circuits c ON c.endpoint_id = o.id
           )
           UPDATE endpoint_circuits c
           SET incident = CASE WHEN again THEN c.incident ELSE $2::uuid END,
               opened_at = CASE WHEN again THEN c.opened_at ELSE now() END,
               escalated = CASE WHEN again THEN c.escalated ELSE '{}' END,
               closed_at = NULL, reason = $3, last_error = $4, probes = 0,
               probed_with = NULL, probing_until = NULL, next_probe_at = now() + $5::int * interval '1 millisecond',
               paused = false, drain_rate = NULL,
               attended_until = now() + $6::int * interval '1 millisecond'
           FROM happened o WHERE c.endpoint_id = o.id`,
    values: [
      toUuid(opening.endpointId),
      opening.incident,
      opening.reason,
      opening.lastError,
      opening.firstProbeMs,
      FIRST_ATTENDED_MS,
    ],
  });
  return rowCount === 1;
}

/**
 * The endpoint works again: what is counted of it begins anew, and what is held is let go. @returns false when its circuit
 * was not open
 */
export async function beginDraining(db: Queryable, endpointId: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'begin-draining',
    text: `WITH healthy AS (
             UPDATE endpoints SET circuit = 'draining', probe_wanted = false WHERE id = $1 AND circuit = 'open' RETURNING id
           )
           UPDATE endpoint_circuits c
           SET failures_in_row = 0, window_started_at = now(), window_attempts = 0, window_failures = 0,
               probing_until = NULL, next_probe_at = NULL, paused = false
           FROM healthy h WHERE c.endpoint_id = h.id`,
    values: [toUuid(endpointId)],
  });
  return rowCount === 1;
}

/**
 * Ends an incident, or a recovery without one, which leaves what is counted as it is: that says whether the endpoint works.
 *
 * @param from - only if the circuit is in one of these states
 */
export async function closeCircuit(
  db: Queryable,
  endpointId: PublicId,
  from: readonly CircuitState[],
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'close-circuit',
    text: `WITH closed AS (
             UPDATE endpoints SET circuit = 'closed', probe_wanted = false WHERE id = $1 AND circuit = ANY ($2) RETURNING id
           )
           UPDATE endpoint_circuits c
           SET closed_at = coalesce(c.closed_at, now()),
               failures_in_row = CASE WHEN ${HAS_INCIDENT} THEN 0 ELSE c.failures_in_row END,
               window_attempts = CASE WHEN ${HAS_INCIDENT} THEN 0 ELSE c.window_attempts END,
               window_failures = CASE WHEN ${HAS_INCIDENT} THEN 0 ELSE c.window_failures END,
               window_started_at = CASE WHEN ${HAS_INCIDENT} THEN now() ELSE c.window_started_at END,
               probing_until = NULL, next_probe_at = NULL, paused = false, drain_rate = NULL
           FROM closed x WHERE c.endpoint_id = x.id`,
    values: [toUuid(endpointId), from],
  });
  return rowCount === 1;
}

/**
 * Claims the one probe that an endpoint may have at a time.
 *
 * @param forMs - after this it counts as given up: its process died
 */
export async function claimProbe(db: Queryable, endpointId: PublicId, forMs: number): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'claim-probe',
    text: `UPDATE endpoint_circuits c SET probing_until = now() + $2::int * interval '1 millisecond'
           FROM endpoints e
           WHERE c.endpoint_id = $1 AND e.id = $1 AND e.circuit = 'open' AND e.state = 'enabled'
             AND (c.probing_until IS NULL OR c.probing_until < now())`,
    values: [toUuid(endpointId), forMs],
  });
  return rowCount === 1;
}

/** Has the next delivery of a failed-over endpoint tried at the endpoint itself. */
export async function wantProbe(db: Queryable, endpointId: PublicId): Promise<void> {
  await db.query({
    name: 'want-probe',
    text: "UPDATE endpoints SET probe_wanted = true WHERE id = $1 AND circuit = 'open' AND NOT probe_wanted",
    values: [toUuid(endpointId)],
  });
}

/** Claims the probe that {@link wantProbe} asked for. @returns whether this caller is to make it */
export async function claimWantedProbe(db: Queryable, endpointId: PublicId, slackMs: number): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'claim-wanted-probe',
    text: `WITH wanted AS (
             UPDATE endpoints SET probe_wanted = false WHERE id = $1 AND probe_wanted AND circuit = 'open'
             RETURNING id, timeout_ms
           )
           UPDATE endpoint_circuits c SET probing_until = now() + (w.timeout_ms + $2::int) * interval '1 millisecond'
           FROM wanted w
           WHERE c.endpoint_id = w.id AND (c.probing_until IS NULL OR c.probing_until < now())`,
    values: [toUuid(endpointId), slackMs],
  });
  return rowCount === 1;
}

/** What came of a probe that did not succeed. */
export interface FailedProbe {
  endpointId: PublicId;
  /** The delivery that it was made with; undefined when there was none to make it with. */
  deliveryId: PublicId | undefined;
  /** Whether the endpoint failed it: then the next one is later. */
  failed: boolean;
  nextInMs: number;
}

/** Gives up the claim of a probe. */
export async function endProbe(
  db: Queryable,
  { endpointId, deliveryId, failed, nextInMs }: FailedProbe,
): Promise<void> {
  await db.query({
    name: 'end-probe',
    text: `UPDATE endpoint_circuits c
           SET probing_until = NULL, probes = c.probes + CASE WHEN $3::boolean THEN 1 ELSE 0 END,
               probed_with = coalesce($2::uuid, c.probed_with),
               last_error = CASE WHEN $3::boolean
                                 THEN coalesce((SELECT d.last_error FROM deliveries d WHERE d.id = $2::uuid), c.last_error)
                                 ELSE c.last_error END,
               next_probe_at = now() + $4::float8 * interval '1 millisecond'
           WHERE c.endpoint_id = $1 AND c.probing_until IS NOT NULL`,
    values: [toUuid(endpointId), deliveryId === undefined ? null : toUuid(deliveryId), failed, nextInMs],
  });
}

/** Says until when the workflow of an incident need not be heard of. */
export async function attendCircuit(db: Queryable, endpointId: PublicId, forMs: number): Promise<void> {
  await db.query({
    name: 'attend-circuit',
    text: `UPDATE endpoint_circuits SET attended_until = now() + $2::float8 * interval '1 millisecond' WHERE endpoint_id = $1`,
    values: [toUuid(endpointId), forMs],
  });
}

/** Stops or resumes an incident's probes, or sets how fast it drains. What is left out stays. */
export async function steerCircuit(
  db: Queryable,
  endpointId: PublicId,
  change: { paused?: boolean | undefined; drainRate?: number | undefined },
): Promise<void> {
  await db.query({
    name: 'steer-circuit',
    text: `UPDATE endpoint_circuits SET paused = coalesce($2, paused), drain_rate = coalesce($3, drain_rate)
           WHERE endpoint_id = $1`,
    values: [toUuid(endpointId), change.paused, change.drainRate],
  });
}

/** Notes who was told of an incident. @returns false when it was noted before, or that incident is over */
export async function noteEscalation(
  db: Queryable,
  endpointId: PublicId,
  { incident, level }: { incident: string; level: string },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'note-escalation',
    text: `UPDATE endpoint_circuits SET escalated = escalated || $3::text
           WHERE endpoint_id = $1 AND incident = $2 AND NOT ($3 = ANY (escalated))`,
    values: [toUuid(endpointId), incident, level],
  });
  return rowCount === 1;
}

/** An incident that nobody attends to. */
export interface UnattendedCircuit {
  endpointId: PublicId;
  tenantId: PublicId;
}

/** Incidents whose workflow has not been heard of in time. Index: endpoints_circuits. */
export async function findUnattendedCircuits(
  db: Queryable,
  graceMs: number,
  limit: number,
): Promise<UnattendedCircuit[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string }>({
    name: 'find-unattended-circuits',
    text: `SELECT e.id, e.tenant_id FROM endpoints e JOIN endpoint_circuits c ON c.endpoint_id = e.id
           WHERE e.circuit <> 'closed'
             AND (c.attended_until IS NULL OR c.attended_until < now() - $1::int * interval '1 millisecond')
           ORDER BY e.id LIMIT $2`,
    values: [graceMs, limit],
  });
  return rows.map((row) => ({ endpointId: fromUuid('ep', row.id), tenantId: fromUuid('ten', row.tenant_id) }));
}

/** How many circuits are in which state, without those that are closed. Index: endpoints_circuits. */
export async function countCircuits(db: Queryable): Promise<{ open: number; draining: number }> {
  const { rows } = await db.query<{ open: number; draining: number }>({
    name: 'count-circuits',
    text: `SELECT count(*) FILTER (WHERE circuit = 'open')::int AS open,
                  count(*) FILTER (WHERE circuit = 'draining')::int AS draining
           FROM endpoints WHERE circuit <> 'closed'`,
  });
  return rows[0] ?? { open: 0, draining: 0 };
}
