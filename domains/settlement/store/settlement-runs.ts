import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { AuditPosition } from '../../audit';
import type { BusinessDay } from '../../merchants';

export const RUN_STATES = ['pending', 'running', 'completed', 'failed', 'needs_review'] as const;
export type RunState = (typeof RUN_STATES)[number];

/** What started a run: its Schedule, an API call, a retry, or the catching up of missed days. */
export type RunTrigger = 'schedule' | 'manual' | 'retry' | 'missed';

/** An invariant that did not hold. */
export interface Breach {
  invariant: string;
  detail: string;
}

/** The settlement of one business day. */
export interface SettlementRun {
  id: PublicId;
  tenantId: PublicId;
  /** `YYYY-MM-DD` */
  businessDate: string;
  timeZone: string;
  periodStart: Date;
  periodEnd: Date;
  state: RunState;
  attempt: number;
  trigger: RunTrigger;
  workflowId: string;
  createdAt: Date;
  startedAt: Date | undefined;
  /** When everything that belongs to the run had been claimed. */
  claimedAt: Date | undefined;
  finishedAt: Date | undefined;
  error: string | undefined;
  breaches: Breach[];
  itemCount: bigint | undefined;
  lateCount: bigint | undefined;
  /** SHA-256 over the run's records, in hex. */
  totalsHash: string | undefined;
  /** The entry of the audit log that says what it came to; undefined until it is completed. */
  audit: AuditPosition | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  business_date: string;
  time_zone: string;
  period_start: Date;
  period_end: Date;
  state: RunState;
  attempt: number;
  trigger: RunTrigger;
  workflow_id: string;
  created_at: Date;
  started_at: Date | null;
  claimed_at: Date | null;
  finished_at: Date | null;
  error: string | null;
  breaches: Breach[];
  item_count: string | null;
  late_count: string | null;
  totals_hash: Buffer | null;
  audit_seq: string | null;
  audit_hash: Buffer | null;
}

const COLUMNS = `id, tenant_id, business_date, time_zone, period_start, period_end, state, attempt, trigger, workflow_id,
  created_at, started_at, claimed_at, finished_at, error, breaches, item_count, late_count, totals_hash,
  audit_seq, audit_hash`;

export interface NewRun {
  tenantId: PublicId;
  day: BusinessDay;
  timeZone: string;
  trigger: RunTrigger;
  workflowId: string;
}

/** The run of a day, created if there is none. Concurrent callers get the same one. */
export async function ensureRun(db: Queryable, run: NewRun): Promise<SettlementRun> {
  await db.query({
    text: `INSERT INTO settlement_runs (id, tenant_id, business_date, time_zone, period_start, period_end, state, trigger,
                                        workflow_id)
           VALUES ($1, $2, $3::date, $4, $5, $6, 'pending', $7, $8)
           ON CONFLICT (tenant_id, business_date) DO NOTHING`,
    values: [
      toUuid(newId('set')),
      toUuid(run.tenantId),
      run.day.date,
      run.timeZone,
      run.day.start,
      run.day.end,
      run.trigger,
      run.workflowId,
    ],
  });
  const made = await findRun(db, run.tenantId, run.day.date);
  if (made === undefined) throw new Error('the run was neither made nor found');
  return made;
}

/** Index: settlement_runs_tenant_id_business_date_key. */
export async function findRun(db: Queryable, tenantId: PublicId, date: string): Promise<SettlementRun | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-settlement-run',
    text: `SELECT ${COLUMNS} FROM settlement_runs WHERE tenant_id = $1 AND business_date = $2::date`,
    values: [toUuid(tenantId), date],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: settlement_runs_pkey. */
export async function findRunById(db: Queryable, tenantId: PublicId, id: PublicId): Promise<SettlementRun | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-settlement-run-by-id',
    text: `SELECT ${COLUMNS} FROM settlement_runs WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/**
 * Marks a pending run as running. It begins where the day before ended, also when the cut-off or the time zone was
 * changed in between; a day for which a change leaves no time is a millisecond long. Index:
 * settlement_runs_tenant_id_business_date_key.
 *
 * @returns the run as it is now
 */
export async function startRun(db: Queryable, tenantId: PublicId, date: string): Promise<SettlementRun | undefined> {
  await db.query({
    name: 'start-settlement-run',
    text: `UPDATE settlement_runs SET state = 'running', started_at = coalesce(started_at, now()), error = NULL,
                  period_start = coalesce(before.ended, period_start),
                  period_end = greatest(period_end, before.ended + interval '1 millisecond')
           FROM (SELECT (SELECT period_end FROM settlement_runs
                         WHERE tenant_id = $1 AND business_date = $2::date - 1) AS ended) AS before
           WHERE tenant_id = $1 AND business_date = $2::date AND state = 'pending'`,
    values: [toUuid(tenantId), date],
  });
  return findRun(db, tenantId, date);
}

/** Makes a run that failed, or was held for review, ready to run again. @returns whether it was in such a state */
export async function reopenRun(db: Queryable, id: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'reopen-settlement-run',
    text: `UPDATE settlement_runs SET state = 'pending', attempt = attempt + 1, trigger = 'retry', error = NULL,
                  breaches = '[]', finished_at = NULL
           WHERE id = $1 AND state IN ('failed', 'needs_review')`,
    values: [toUuid(id)],
  });
  return rowCount === 1;
}

/** Ends a pending or running run without completing it. @returns whether it was in such a state */
export async function endRun(
  db: Queryable,
  id: PublicId,
  end: { state: 'failed' | 'needs_review'; error: string; breaches?: readonly Breach[] },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'end-settlement-run',
    text: `UPDATE settlement_runs SET state = $2, error = $3, breaches = $4::jsonb, finished_at = now()
           WHERE id = $1 AND state IN ('pending', 'running')`,
    values: [toUuid(id), end.state, end.error, JSON.stringify(end.breaches ?? [])],
  });
  return rowCount === 1;
}

/** Locks a run until the transaction ends. @returns whether it is in a state, and so will be */
export async function lockInState(db: Queryable, id: PublicId, state: RunState): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'lock-settlement-run',
    text: 'SELECT FROM settlement_runs WHERE id = $1 AND state = $2 FOR UPDATE',
    values: [toUuid(id), state],
  });
  return rowCount === 1;
}

/**
 * Completes a run that is locked. Nothing of it can be changed from then on.
 *
 * @param end - the hash over its records, in hex, and its entry in the audit log
 */
export async function completeRun(
  db: Queryable,
  id: PublicId,
  { totalsHash, audit }: { totalsHash: string; audit: AuditPosition },
): Promise<void> {
  await db.query({
    name: 'complete-settlement-run',
    text: `UPDATE settlement_runs SET state = 'completed', totals_hash = decode($2, 'hex'), audit_seq = $3, audit_hash = $4,
                  finished_at = now()
           WHERE id = $1 AND state = 'running'`,
    values: [toUuid(id), totalsHash, audit.seq, audit.hash],
  });
}

/** The last business date that is completed; undefined when none is. Index: settlement_runs_tenant_id_business_date_key. */
export async function lastCompletedDate(db: Queryable, tenantId: PublicId): Promise<string | undefined> {
  const { rows } = await db.query<{ business_date: string }>({
    name: 'last-completed-date',
    text: `SELECT business_date FROM settlement_runs WHERE tenant_id = $1 AND state = 'completed'
           ORDER BY business_date DESC LIMIT 1`,
    values: [toUuid(tenantId)],
  });
  return rows[0]?.business_date;
}

/**
 * How far some businesses are settled: the last completed date, and the state of the run of the day after it, or of the
 * first day. Index: settlement_runs_tenant_id_business_date_key.
 */
export async function settledUpTo(
  db: Queryable,
  businesses: readonly { tenantId: PublicId; firstDate: string }[],
): Promise<Map<PublicId, { last: string | undefined; next: RunState | undefined }>> {
  const { rows } = await db.query<{ tenant_id: string; last: string | null; next: RunState | null }>({
    name: 'settled-up-to',
    text: `SELECT b.tenant_id, completed.business_date AS last, run.state AS next
           FROM unnest($1::uuid[], $2::date[]) AS b (tenant_id, first_date)
           LEFT JOIN LATERAL (SELECT business_date FROM settlement_runs
                              WHERE tenant_id = b.tenant_id AND state = 'completed'
                              ORDER BY business_date DESC LIMIT 1) AS completed ON true
           LEFT JOIN LATERAL (SELECT state FROM settlement_runs
                              WHERE tenant_id = b.tenant_id
                                AND business_date = coalesce(completed.business_date + 1, b.first_date)) AS run ON true`,
    values: [businesses.map(({ tenantId }) => toUuid(tenantId)), businesses.map(({ firstDate }) => firstDate)],
  });
  return new Map(
    rows.map((row) => [fromUuid('ten', row.tenant_id), { last: row.last ?? undefined, next: row.next ?? undefined }]),
  );
}

/** A tenant's runs by date. Index: settlement_runs_tenant_id_business_date_key. */
export async function listRuns(
  db: Queryable,
  tenantId: PublicId,
  filter: { from?: string | undefined; to?: string | undefined; state?: RunState | undefined },
  request: PageRequest,
): Promise<Page<SettlementRun>> {
  const page = await readPage<Row>(
    db,
    {
      columns: COLUMNS,
      table: 'settlement_runs',
      index: { prefix: ['tenant_id', toUuid(tenantId)], key: 'business_date' },
      fixed: [
        ...(filter.from === undefined ? [] : [['business_date >= ?', filter.from] as const]),
        ...(filter.to === undefined ? [] : [['business_date <= ?', filter.to] as const]),
      ],
      ...(filter.state === undefined ? {} : { filter: [['state = ?', filter.state] as const] }),
    },
    request,
  );
  return mapPage(page, fromRow);
}

function fromRow(row: Row): SettlementRun {
  return {
    id: fromUuid('set', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    businessDate: row.business_date,
    timeZone: row.time_zone,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    state: row.state,
    attempt: row.attempt,
    trigger: row.trigger,
    workflowId: row.workflow_id,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    claimedAt: row.claimed_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    error: row.error ?? undefined,
    breaches: row.breaches,
    itemCount: row.item_count === null ? undefined : BigInt(row.item_count),
    lateCount: row.late_count === null ? undefined : BigInt(row.late_count),
    totalsHash: row.totals_hash?.toString('hex'),
    audit:
      row.audit_seq === null || row.audit_hash === null
        ? undefined
        : { seq: Number(row.audit_seq), hash: row.audit_hash },
  };
}
