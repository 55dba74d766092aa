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
}

interface Row {
  tenant_id: string;
  time_zone: string;
  cutoff: string;
  grace_ms: number;
  refund_fee_policy: RefundFeePolicy;
  first_date: string;
}

const COLUMNS = `tenant_id, time_zone, to_char(cutoff, 'HH24:MI') AS cutoff, grace_ms, refund_fee_policy,
  first_date::text AS first_date`;

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

/**
 * Makes a tenant a business, or changes it. The first date never changes: what was settled stays settled.
 *
 * @returns the business as it is now
 */
export async function putBusiness(db: Queryable, business: Business): Promise<Business> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO businesses (tenant_id, time_zone, cutoff, grace_ms, refund_fee_policy, first_date)
           VALUES ($1, $2, $3::time, $4, $5, $6::date)
           ON CONFLICT (tenant_id) DO UPDATE SET time_zone = excluded.time_zone, cutoff = excluded.cutoff,
             grace_ms = excluded.grace_ms, refund_fee_policy = excluded.refund_fee_policy
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
  const [row] = rows;
  if (row === undefined) throw new Error('the upsert returned no row');
  return fromRow(row);
}

function fromRow(row: Row): Business {
  return {
    tenantId: fromUuid('ten', row.tenant_id),
    timeZone: row.time_zone,
    cutoff: row.cutoff,
    graceMs: row.grace_ms,
    refundFeePolicy: row.refund_fee_policy,
    firstDate: row.first_date,
  };
}
