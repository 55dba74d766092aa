import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { RefundFeePolicy } from '../rules/fees';

/** A tenant as a business. */
export interface Business {
  tenantId: PublicId;
  /** IANA name. */
  timeZone: string;
  /** Local time at which a business day ends, `HH:MM`. */
  cutoff: string;
  /** How long a settlement waits after the cut-off. */
  graceMs: number;
  refundFeePolicy: RefundFeePolicy;
  /** The first business day that is settled, `YYYY-MM-DD`. */
  firstDate: string;
  /** Grows with every change. */
  version: number;
  /** When it was made, or its time zone or cut-off last changed. */
  daysChangedAt: Date;
}

/** What is said of a business; the rest follows from when it was said. */
export type BusinessTerms = Omit<Business, 'version' | 'daysChangedAt'>;

interface Row {
  tenant_id: string;
  time_zone: string;
  cutoff: string;
  grace_ms: number;
  refund_fee_policy: RefundFeePolicy;
  first_date: string;
  version: number;
  days_changed_at: Date;
}

const COLUMNS = `tenant_id, time_zone, to_char(cutoff, 'HH24:MI') AS cutoff, grace_ms, refund_fee_policy,
  first_date::text AS first_date, version, days_changed_at`;

/** Index: businesses_pkey. */
export async function findBusiness(db: Queryable, tenantId: PublicId): Promise<Business | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-business',
    text: `SELECT ${COLUMNS} FROM businesses WHERE tenant_id = $1`,
    values: [toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Every business, by tenant, after one; at most `limit`. Index: businesses_pkey. */
export async function listBusinesses(db: Queryable, after: PublicId | undefined, limit: number): Promise<Business[]> {
  const { rows } = await db.query<Row>({
    name: 'list-businesses',
    text: `SELECT ${COLUMNS} FROM businesses WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2`,
    values: [after === undefined ? '00000000-0000-0000-0000-000000000000' : toUuid(after), limit],
  });
  return rows.map(fromRow);
}

/** A business, locked until the transaction ends: whoever changes it waits for whoever does already. Index: businesses_pkey. */
export async function lockBusiness(db: Queryable, tenantId: PublicId): Promise<Business | undefined> {
  const { rows } = await db.query<Row>({
    name: 'lock-business',
    text: `SELECT ${COLUMNS} FROM businesses WHERE tenant_id = $1 FOR NO KEY UPDATE`,
    values: [toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Makes a tenant a business. @returns `undefined` when it is one already */
export async function insertBusiness(db: Queryable, business: BusinessTerms): Promise<Business | undefined> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO businesses (tenant_id, time_zone, cutoff, grace_ms, refund_fee_policy, first_date)
           VALUES ($1, $2, $3::time, $4, $5, $6::date)
           ON CONFLICT (tenant_id) DO NOTHING
           RETURNING ${COLUMNS}`,
    values: [
      toUuid(business.tenantId),
      business.timeZone,
      business.cutoff,
      business.graceMs,
      business.refundFeePolicy,
      business.firstDate,
    ],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/**
 * Changes a business. Its first date stays: what was settled stays settled. Index: businesses_pkey.
 *
 * @returns the business as it is now; `undefined` when the tenant is none
 */
export async function updateBusiness(
  db: Queryable,
  business: Omit<BusinessTerms, 'firstDate'>,
): Promise<Business | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE businesses SET time_zone = $2, cutoff = $3::time, grace_ms = $4, refund_fee_policy = $5,
                  version = version + 1,
                  days_changed_at = CASE WHEN (time_zone, cutoff) = ($2, $3::time) THEN days_changed_at ELSE now() END
           WHERE tenant_id = $1
           RETURNING ${COLUMNS}`,
    values: [toUuid(business.tenantId), business.timeZone, business.cutoff, business.graceMs, business.refundFeePolicy],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

function fromRow(row: Row): Business {
  return {
    tenantId: fromUuid('ten', row.tenant_id),
    timeZone: row.time_zone,
    cutoff: row.cutoff,
    graceMs: row.grace_ms,
    refundFeePolicy: row.refund_fee_policy,
    firstDate: row.first_date,
    version: row.version,
    daysChangedAt: row.days_changed_at,
  };
}
