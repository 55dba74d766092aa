import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { FeeTerms } from '../rules/fees';

/** A version of what merchants pay. It never changes; transactions that were charged by it name it. */
export interface FeeSchedule {
  id: PublicId;
  tenantId: PublicId;
  /** Undefined: for every merchant that has none of its own. */
  merchantId: PublicId | undefined;
  currency: string;
  version: number;
  terms: FeeTerms;
  validFrom: Date;
}

interface Row {
  id: string;
  tenant_id: string;
  merchant_id: string | null;
  currency: string;
  version: number;
  bps: number;
  fixed: string;
  min_fee: string | null;
  max_fee: string | null;
  tiers: { upTo: string | null; bps: number; fixed: string }[] | null;
  tax_bps: number;
  dispute_fee: string;
  valid_from: Date;
}

const COLUMNS = `id, tenant_id, merchant_id, currency, version, bps, fixed, min_fee, max_fee, tiers, tax_bps, dispute_fee,
  valid_from`;

/**
 * Adds the next version; an existing one with the id stays as it is.
 *
 * @throws a unique violation when two versions are made at the same moment
 */
export async function insertFeeSchedule(
  db: Queryable,
  schedule: Omit<FeeSchedule, 'version'>,
): Promise<FeeSchedule | undefined> {
  const { terms } = schedule;
  const tiers = terms.tiers.map(({ upTo, bps, fixed }) => ({
    upTo: upTo?.toString() ?? null,
    bps,
    fixed: fixed.toString(),
  }));
  await db.query({
    text: `INSERT INTO fee_schedules (id, tenant_id, merchant_id, currency, version, bps, fixed, min_fee, max_fee, tiers,
                                      tax_bps, dispute_fee, valid_from)
           SELECT $1, $2, $3::uuid, $4, 1 + coalesce(max(version), 0), $5, $6, $7, $8, $9::jsonb, $10, $11, $12
           FROM fee_schedules
           WHERE tenant_id = $2 AND currency = $4
             AND coalesce(merchant_id, '00000000-0000-0000-0000-000000000000')
               = coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')
           ON CONFLICT (id) DO NOTHING`,
    values: [
      toUuid(schedule.id),
      toUuid(schedule.tenantId),
      schedule.merchantId === undefined ? null : toUuid(schedule.merchantId),
      schedule.currency,
      terms.bps,
      terms.fixed.toString(),
      terms.minFee?.toString() ?? null,
      terms.maxFee?.toString() ?? null,
      tiers.length === 0 ? null : JSON.stringify(tiers),
      terms.taxBps,
      terms.disputeFee.toString(),
      schedule.validFrom,
    ],
  });
  return findFeeSchedule(db, schedule.tenantId, schedule.id);
}

/** How the index has the version for every merchant. */
const FOR_ALL = '00000000-0000-0000-0000-000000000000';

/** Index: fee_schedules_pkey. */
export async function findFeeSchedule(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<FeeSchedule | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-fee-schedule',
    text: `SELECT ${COLUMNS} FROM fee_schedules WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** The versions of a tenant, by currency, then merchant, newest first. Index: fee_schedules_version. */
export async function listFeeSchedules(db: Queryable, tenantId: PublicId, limit: number): Promise<FeeSchedule[]> {
  const { rows } = await db.query<Row>({
    name: 'list-fee-schedules',
    text: `SELECT ${COLUMNS} FROM fee_schedules WHERE tenant_id = $1
           ORDER BY currency, coalesce(merchant_id, '00000000-0000-0000-0000-000000000000'), version DESC LIMIT $2`,
    values: [toUuid(tenantId), limit],
  });
  return rows.map(fromRow);
}

/**
 * The version that a merchant is charged by at a moment: its own, else the tenant's for all.
 * Index: fee_schedules_version, once for the merchant and once for all.
 */
export async function feeScheduleFor(
  db: Queryable,
  { tenantId, merchantId, currency, at }: { tenantId: PublicId; merchantId: PublicId; currency: string; at: Date },
): Promise<FeeSchedule | undefined> {
  const { rows } = await db.query<Row>({
    name: 'fee-schedule-for',
    text: `SELECT ${COLUMNS} FROM fee_schedules
           WHERE tenant_id = $1 AND currency = $3 AND valid_from <= $4
             AND coalesce(merchant_id, '00000000-0000-0000-0000-000000000000')
                 IN ($2, '00000000-0000-0000-0000-000000000000')
           ORDER BY merchant_id NULLS LAST, valid_from DESC, version DESC LIMIT 1`,
    values: [toUuid(tenantId), toUuid(merchantId), currency, at],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Whose version is asked for, and at which moment. */
export interface FeeQuestion {
  tenantId: PublicId;
  merchantId: PublicId;
  currency: string;
  at: Date;
}

/** As {@link feeScheduleFor}, for many at once. @returns in the order of the questions */
export async function feeSchedulesFor(
  db: Queryable,
  questions: readonly FeeQuestion[],
): Promise<(FeeSchedule | undefined)[]> {
  const { rows } = await db.query<Row & { n: number }>({
    name: 'fee-schedules-for',
    text: `SELECT q.n, f.* FROM json_to_recordset($1::json) AS q(n int, tenant uuid, merchant uuid, currency text, at timestamptz)
           CROSS JOIN LATERAL (
             SELECT ${COLUMNS} FROM fee_schedules
             WHERE tenant_id = q.tenant AND currency = q.currency AND valid_from <= q.at
               AND coalesce(merchant_id, '${FOR_ALL}') IN (q.merchant, '${FOR_ALL}')
             ORDER BY merchant_id NULLS LAST, valid_from DESC, version DESC LIMIT 1
           ) f`,
    values: [
      JSON.stringify(
        questions.map(({ tenantId, merchantId, currency, at }, n) => ({
          n,
          tenant: toUuid(tenantId),
          merchant: toUuid(merchantId),
          currency,
          at,
        })),
      ),
    ],
  });
  const found: (FeeSchedule | undefined)[] = new Array(questions.length).fill(undefined);
  for (const row of rows) found[row.n] = fromRow(row);
  return found;
}

/** The condition that a fee schedule is in force for a merchant, given SQL for the tenant, the merchant and the currency. */
export function hasFeeScheduleSql(tenant: string, merchant: string, currency: string): string {
  return `EXISTS (SELECT FROM fee_schedules f WHERE f.tenant_id = ${tenant} AND f.currency = ${currency}
                    AND coalesce(f.merchant_id, '${FOR_ALL}') IN (${merchant}, '${FOR_ALL}') AND f.valid_from <= now())`;
}

function fromRow(row: Row): FeeSchedule {
  return {
    id: fromUuid('fee', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    merchantId: row.merchant_id === null ? undefined : fromUuid('mer', row.merchant_id),
    currency: row.currency,
    version: row.version,
    terms: {
      bps: row.bps,
      fixed: BigInt(row.fixed),
      minFee: row.min_fee === null ? undefined : BigInt(row.min_fee),
      maxFee: row.max_fee === null ? undefined : BigInt(row.max_fee),
      tiers: (row.tiers ?? []).map(({ upTo, bps, fixed }) => ({
        upTo: upTo === null ? null : BigInt(upTo),
        bps,
        fixed: BigInt(fixed),
      })),
      taxBps: row.tax_bps,
      disputeFee: BigInt(row.dispute_fee),
    },
    validFrom: row.valid_from,
  };
}
