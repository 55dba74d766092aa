import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Statement } from '../rules/statement';

/** A page of the merchants of a tenant, by id. */
export interface MerchantPage {
  /** The last merchant of the page; undefined when there was none. */
  last: PublicId | undefined;
  /** How many. */
  merchants: number;
}

export const NO_MERCHANT = 'mer_00000000000000000000000000000000';

const AMOUNTS = `opening, gross_sales, refunds, chargebacks, adjustments, fees, fee_tax, reserve_held, reserve_released,
  net, paid_out, closing, item_count, late_count`;

/** The merchants that follow one. Index: merchants_by_tenant. */
export async function merchantPage(
  db: Queryable,
  tenantId: PublicId,
  after: PublicId,
  limit: number,
): Promise<MerchantPage> {
  const { rows } = await db.query<{ last: string | null; merchants: number }>({
    name: 'settlement-merchant-page',
    text: `WITH page AS (SELECT id FROM merchants WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3)
           SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*)::int FROM page) AS merchants`,
    values: [toUuid(tenantId), toUuid(after), limit],
  });
  const [row] = rows;
  return {
    last: row?.last === undefined || row.last === null ? undefined : fromUuid('mer', row.last),
    merchants: row?.merchants ?? 0,
  };
}

/** The run of the day before, $2, of the tenant $1. Index: settlement_runs_tenant_id_business_date_key. */
const DAY_BEFORE = '(SELECT id FROM settlement_runs WHERE tenant_id = $1 AND business_date = $2::date - 1)';

/** So many of the largest amounts of a statement add up without leaving the range of a bigint. */
const MAX_SUM = 10n ** 18n;

/**
 * Statements from a source of items, but not of merchants that are left out, and `sized`, which also has those whose
 * sums do not fit into a statement. Sums are numeric, which has no end, until it is known that they do. What is owed from the day before is that day's closing: a balance that is not 0
 * always has a statement the next day. The share held back is rounded half to even, as everywhere.
 *
 * $1 tenant, $2 date, $3 and $4 merchants after and up to, $5 run
 */
function statementsFrom(items: string, leftOut: string): string {
  return `
page AS MATERIALIZED (
  SELECT id, reserve_bps, payout_minimum FROM merchants
  WHERE tenant_id = $1 AND id > $3 AND id <= $4 AND NOT EXISTS (${leftOut} AND merchant_id = merchants.id)
), sums AS (
  SELECT p.id AS merchant_id, i.currency,
         coalesce(sum(i.gross) FILTER (WHERE i.kind = 'capture'), 0) AS gross_sales,
         coalesce(sum(i.gross) FILTER (WHERE i.kind IN ('refund', 'refund_reversal')), 0) AS refunds,
         coalesce(sum(i.gross) FILTER (WHERE i.kind IN ('chargeback', 'chargeback_reversal')), 0) AS chargebacks,
         coalesce(sum(i.gross) FILTER (WHERE i.kind = 'adjustment'), 0) AS adjustments,
         sum(i.fee) AS fees, sum(i.fee_tax) AS fee_tax, count(*) AS item_count, count(*) FILTER (WHERE i.late) AS late_count
  FROM page p JOIN ${items}
  GROUP BY p.id, i.currency
), before AS (
  SELECT r.merchant_id, r.currency, r.closing
  FROM page p JOIN settlement_records r ON r.run_id = ${DAY_BEFORE} AND r.merchant_id = p.id AND r.closing <> 0
), due AS (
  SELECT s.merchant_id, s.currency, s.amount
  FROM page p JOIN settlement_reserves s ON s.merchant_id = p.id AND s.release_on <= $2::date
  WHERE s.released_run_id IS NULL AND s.run_id <> $5
  UNION ALL
  SELECT s.merchant_id, s.currency, s.amount
  FROM page p JOIN settlement_reserves s ON s.merchant_id = p.id AND s.released_run_id = $5
), releases AS (
  SELECT merchant_id, currency, sum(amount) AS amount FROM due GROUP BY merchant_id, currency
), keys AS (
  SELECT merchant_id, currency FROM sums UNION SELECT merchant_id, currency FROM before
  UNION SELECT merchant_id, currency FROM releases
), parts AS (
  SELECT k.merchant_id, k.currency, coalesce(w.amount, p.payout_minimum) AS payout_minimum, coalesce(b.closing, 0)::numeric AS opening,
         coalesce(s.gross_sales, 0) AS gross_sales, coalesce(s.refunds, 0) AS refunds,
         coalesce(s.chargebacks, 0) AS chargebacks, coalesce(s.adjustments, 0) AS adjustments,
         coalesce(s.fees, 0) AS fees, coalesce(s.fee_tax, 0) AS fee_tax,
         greatest(coalesce(s.gross_sales, 0), 0) * p.reserve_bps AS held_times,
         coalesce(r.amount, 0) AS reserve_released,
         coalesce(s.item_count, 0) AS item_count, coalesce(s.late_count, 0) AS late_count
  FROM keys k JOIN page p ON p.id = k.merchant_id
  LEFT JOIN sums s ON s.merchant_id = k.merchant_id AND s.currency = k.currency
  LEFT JOIN before b ON b.merchant_id = k.merchant_id AND b.currency = k.currency
  LEFT JOIN releases r ON r.merchant_id = k.merchant_id AND r.currency = k.currency
  LEFT JOIN merchant_payout_minimums w ON w.merchant_id = k.merchant_id AND w.currency = k.currency
), held AS (
  SELECT *, div(held_times, 10000)
            + CASE WHEN 2 * mod(held_times, 10000) > 10000
                     OR (2 * mod(held_times, 10000) = 10000 AND mod(div(held_times, 10000), 2) = 1)
                   THEN 1 ELSE 0 END AS reserve_held
  FROM parts
), nets AS (
  SELECT *, gross_sales + refunds + chargebacks + adjustments - fees - fee_tax - reserve_held + reserve_released AS net
  FROM held
), payouts AS (
  SELECT *, CASE WHEN opening + net >= payout_minimum THEN opening + net ELSE 0 END AS paid_out FROM nets
), sized AS MATERIALIZED (
  SELECT *, bool_and(greatest(abs(opening), gross_sales, abs(refunds), abs(chargebacks), abs(adjustments), abs(fees),
                              abs(fee_tax), reserve_held, reserve_released, abs(net), abs(opening + net)) <= ${MAX_SUM})
              OVER (PARTITION BY merchant_id) AS fits
  FROM payouts
), records AS (
  SELECT merchant_id, currency, opening::bigint, gross_sales::bigint, refunds::bigint, chargebacks::bigint,
         adjustments::bigint, fees::bigint, fee_tax::bigint, reserve_held::bigint, reserve_released::bigint, net::bigint,
         paid_out::bigint, (opening + net - paid_out)::bigint AS closing, item_count, late_count
  FROM sized WHERE fits
)`;
}

// The page's bounds are repeated for the index.
const CLAIMED = statementsFrom(
  'settlement_items i ON i.run_id = $5 AND i.merchant_id > $3 AND i.merchant_id <= $4 AND i.merchant_id = p.id',
  'SELECT FROM settlement_set_aside WHERE run_id = $5',
);
const OPEN = statementsFrom(
  `(SELECT merchant_id, currency, kind, gross, fee, fee_tax, effective_at < $6 AS late FROM settlement_items
    WHERE tenant_id = $1 AND run_id IS NULL AND effective_at < $7
    UNION ALL
    SELECT merchant_id, currency, kind, gross, fee, fee_tax, late FROM settlement_items
    WHERE run_id = $5 AND merchant_id > $3 AND merchant_id <= $4) AS i ON i.merchant_id = p.id`,
  'SELECT FROM settlement_holds WHERE tenant_id = $1',
);

/** Allows plans for many rows, which the pool turns off for queries over few. */
export const REPORT_OPTIONS = `SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
  SET LOCAL work_mem = '64MB'; SET LOCAL statement_timeout = '10min'; SET LOCAL jit = off`;

/** A page of a tenant's merchants, and the run that is made for them: after one merchant, up to another. */
export interface PageOfRun {
  tenantId: PublicId;
  runId: PublicId;
  date: string;
  after: PublicId;
  upTo: PublicId;
}

/**
 * Makes the statements of a page of merchants from what the run has claimed, replacing earlier ones.
 *
 * @returns the merchants whose sums do not fit into a statement: they have none
 */
export async function computeStatements(db: Queryable, page: PageOfRun): Promise<PublicId[]> {
  await db.query({
    text: 'DELETE FROM settlement_records WHERE run_id = $1 AND merchant_id > $2 AND merchant_id <= $3',
    values: [toUuid(page.runId), toUuid(page.after), toUuid(page.upTo)],
  });
  const { rows } = await db.query<{ merchant_id: string }>({
    text: `WITH ${CLAIMED}, made AS (
             INSERT INTO settlement_records (run_id, tenant_id, business_date, merchant_id, currency, ${AMOUNTS})
             SELECT $5, $1, $2::date, merchant_id, currency, ${AMOUNTS} FROM records
           )
           SELECT DISTINCT merchant_id FROM sized WHERE NOT fits`,
    values: pageValues(page),
  });
  return rows.map((row) => fromUuid('mer', row.merchant_id));
}

/**
 * Makes statements for the merchants of a page that the run sets aside, replacing earlier ones: each carries over what
 * the day before closed with.
 */
export async function carryOver(db: Queryable, page: PageOfRun): Promise<void> {
  const aside =
    'SELECT merchant_id FROM settlement_set_aside WHERE run_id = $5 AND merchant_id > $3 AND merchant_id <= $4';
  await db.query({
    text: `DELETE FROM settlement_records WHERE run_id = $1 AND merchant_id IN (
             SELECT merchant_id FROM settlement_set_aside WHERE run_id = $1 AND merchant_id > $2 AND merchant_id <= $3)`,
    values: [toUuid(page.runId), toUuid(page.after), toUuid(page.upTo)],
  });
  await db.query({
    text: `INSERT INTO settlement_records (run_id, tenant_id, business_date, merchant_id, currency, ${AMOUNTS})
           SELECT $5, $1, $2::date, b.merchant_id, b.currency, b.closing, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b.closing, 0, 0
           FROM (${aside}) AS a JOIN settlement_records b ON b.run_id = ${DAY_BEFORE} AND b.merchant_id = a.merchant_id
           WHERE b.closing <> 0`,
    values: pageValues(page),
  });
}

/**
 * What {@link computeStatements} would make if the open items of a day were claimed now, in addition to those that the
 * run has claimed. Nothing is written.
 */
export async function previewStatements(
  db: Queryable,
  page: PageOfRun,
  period: { start: Date; end: Date },
): Promise<Statement[]> {
  const { rows } = await db.query<StatementRow>({
    text: `WITH ${OPEN} SELECT merchant_id, currency, ${AMOUNTS} FROM records ORDER BY merchant_id, currency`,
    values: [...pageValues(page), period.start, period.end],
  });
  return rows.map(toStatement);
}

/** A run's statements by merchant and currency, after one. Index: settlement_records_pkey. */
export async function readStatements(
  db: Queryable,
  runId: PublicId,
  after: { merchantId: PublicId; currency: string },
  limit: number,
): Promise<Statement[]> {
  const { rows } = await db.query<StatementRow>({
    name: 'read-settlement-records',
    text: `SELECT merchant_id, currency, ${AMOUNTS} FROM settlement_records
           WHERE run_id = $1 AND (merchant_id, currency) > ($2, $3) ORDER BY merchant_id, currency LIMIT $4`,
    values: [toUuid(runId), toUuid(after.merchantId), after.currency, limit],
  });
  return rows.map(toStatement);
}

/** The statements of one merchant in a run, by currency. Index: settlement_records_pkey. */
export async function statementsOfMerchant(db: Queryable, runId: PublicId, merchantId: PublicId): Promise<Statement[]> {
  const { rows } = await db.query<StatementRow>({
    name: 'settlement-records-of-merchant',
    text: `SELECT merchant_id, currency, ${AMOUNTS} FROM settlement_records
           WHERE run_id = $1 AND merchant_id = $2 ORDER BY currency`,
    values: [toUuid(runId), toUuid(merchantId)],
  });
  return rows.map(toStatement);
}

function pageValues(page: PageOfRun): unknown[] {
  return [toUuid(page.tenantId), page.date, toUuid(page.after), toUuid(page.upTo), toUuid(page.runId)];
}

/** A row with a statement's columns. */
export interface StatementRow {
  merchant_id: string;
  currency: string;
  opening: string;
  gross_sales: string;
  refunds: string;
  chargebacks: string;
  adjustments: string;
  fees: string;
  fee_tax: string;
  reserve_held: string;
  reserve_released: string;
  net: string;
  paid_out: string;
  closing: string;
  item_count: string;
  late_count: string;
}

export function toStatement(row: StatementRow): Statement {
  return {
    merchantId: fromUuid('mer', row.merchant_id),
    currency: row.currency,
    opening: BigInt(row.opening),
    grossSales: BigInt(row.gross_sales),
    refunds: BigInt(row.refunds),
    chargebacks: BigInt(row.chargebacks),
    adjustments: BigInt(row.adjustments),
    fees: BigInt(row.fees),
    feeTax: BigInt(row.fee_tax),
    reserveHeld: BigInt(row.reserve_held),
    reserveReleased: BigInt(row.reserve_released),
    net: BigInt(row.net),
    paidOut: BigInt(row.paid_out),
    closing: BigInt(row.closing),
    itemCount: BigInt(row.item_count),
    lateCount: BigInt(row.late_count),
  };
}
