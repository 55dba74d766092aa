import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { PAYOUTS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import { ACCOUNTS, accountIdSql } from '../../ledger';
import type { PageOfRun } from './settlement-records';

export const PAYOUT_STATES = ['in_transit', 'paid', 'returned'] as const;
export type PayoutState = (typeof PAYOUT_STATES)[number];

/** What a settlement paid out to a merchant. */
export interface Payout {
  /** Also its name at the bank, without the underscore. */
  id: PublicId;
  merchantId: PublicId;
  currency: string;
  /** Minor units. */
  amount: bigint;
  /** `YYYY-MM-DD` */
  businessDate: string;
  state: PayoutState;
  sentAt: Date;
  paidAt: Date | undefined;
  returnedAt: Date | undefined;
}

interface Row {
  id: string;
  merchant_id: string;
  currency: string;
  amount: string;
  business_date: string;
  state: PayoutState;
  sent_at: Date;
  paid_at: Date | null;
  returned_at: Date | null;
}

const COLUMNS = 'id, merchant_id, currency, amount, business_date, state, sent_at, paid_at, returned_at';

/** Remembers what was paid out to a page of merchants, until the bank tells more. A repeat adds nothing. */
export async function recordPayouts(db: Queryable, { runId, after, upTo }: PageOfRun): Promise<void> {
  await db.query({
    text: `INSERT INTO payouts (id, tenant_id, run_id, merchant_id, currency, business_date, amount, sent_at)
           SELECT md5(r.run_id::text || r.merchant_id::text || r.currency || 'payout')::uuid, r.tenant_id, r.run_id,
                  r.merchant_id, r.currency, r.business_date, r.paid_out, s.period_end
           FROM settlement_records r JOIN settlement_runs s ON s.id = r.run_id
           WHERE r.run_id = $1 AND r.merchant_id > $2 AND r.merchant_id <= $3 AND r.paid_out > 0
           ON CONFLICT DO NOTHING`,
    values: [toUuid(runId), toUuid(after), toUuid(upTo)],
  });
}

/** A tenant's payouts as they were made. Index: payouts_by_tenant; a state is a filter. */
export async function listPayouts(
  db: Queryable,
  tenantId: PublicId,
  state: PayoutState | undefined,
  request: PageRequest,
): Promise<Page<Payout>> {
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'payouts',
    followed: PAYOUTS_LIST,
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'place' },
    filter: state === undefined ? [] : [['state = ?', state] as const],
  };
  return mapPage(await readPage<Row>(db, query, request), toPayout);
}

/** A tenant's payout. Index: payouts_pkey. */
export async function findPayout(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Payout | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-payout',
    text: `SELECT ${COLUMNS} FROM payouts WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : toPayout(rows[0]);
}

/** Whose word it is that payouts went out or came back. */
export interface PayoutReport {
  tenantId: PublicId;
  reconciliationId: PublicId;
  at: Date;
  ids: readonly PublicId[];
}

/** Marks payouts as paid that are not yet. @returns those that it was news of. Index: payouts_pkey. */
export function markPaid(db: Queryable, report: PayoutReport): Promise<Payout[]> {
  return mark(
    db,
    `UPDATE payouts SET paid_at = $3, paid_by = $4, state = CASE state WHEN 'in_transit' THEN 'paid' ELSE state END
     WHERE id = ANY ($1::uuid[]) AND tenant_id = $2 AND paid_at IS NULL RETURNING ${COLUMNS}`,
    report,
  );
}

/** Marks payouts as returned that are not yet. @returns those that it was news of. Index: payouts_pkey. */
export function markReturned(db: Queryable, report: PayoutReport): Promise<Payout[]> {
  return mark(
    db,
    `UPDATE payouts SET returned_at = $3, returned_by = $4, state = 'returned'
     WHERE id = ANY ($1::uuid[]) AND tenant_id = $2 AND returned_at IS NULL RETURNING ${COLUMNS}`,
    report,
  );
}

async function mark(db: Queryable, text: string, report: PayoutReport): Promise<Payout[]> {
  if (report.ids.length === 0) return [];
  const { rows } = await db.query<Row>({
    text,
    values: [report.ids.map(toUuid), toUuid(report.tenantId), report.at, toUuid(report.reconciliationId)],
    query_timeout: 600_000,
  });
  return rows.map(toPayout).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Posts for each payout that the bank paid it: `bank_in_transit` is clear of it. Thousands at once. Ids are derived and
 * references unique, so posting again adds nothing.
 */
export async function postPaid(db: Queryable, tenantId: PublicId, ids: readonly PublicId[], at: Date): Promise<void> {
  const account = (code: string) => accountIdSql({ tenant: '$4::text', code, currency: 'p.currency' });
  const moves = `
    moves AS MATERIALIZED (
      SELECT md5(p.id::text || 'payout_paid')::uuid AS transaction_id, 'out_' || replace(p.id::text, '-', '') AS external_ref,
             p.merchant_id, p.currency, v.code, v.amount, v.account_id
      FROM payouts p
      CROSS JOIN LATERAL (VALUES
        ('${ACCOUNTS.bankInTransit}', p.amount, ${account(`'${ACCOUNTS.bankInTransit}'`)}),
        ('${ACCOUNTS.bank}', -p.amount, ${account(`'${ACCOUNTS.bank}'`)})
      ) AS v(code, amount, account_id)
      WHERE p.id = ANY ($1::uuid[]) AND p.tenant_id = $2
    )`;
  const values = [ids.map(toUuid), toUuid(tenantId), at, toUuid(tenantId)];
  await db.query({
    text: `WITH ${moves}, used AS (SELECT $3::timestamptz)
           INSERT INTO ledger_accounts (id, tenant_id, code, type, currency)
           SELECT DISTINCT account_id, $2::uuid, code, 'asset', currency FROM moves ORDER BY account_id ON CONFLICT DO NOTHING`,
    values,
  });
  await db.query({
    text: `WITH ${moves}, posted AS (
             INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, effective_at)
             SELECT DISTINCT transaction_id, $2::uuid, 'payout_paid', external_ref, merchant_id, $3::timestamptz FROM moves
             ORDER BY transaction_id
             ON CONFLICT DO NOTHING RETURNING id
           )
           INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
           SELECT m.transaction_id, m.account_id, m.currency, m.amount FROM moves m JOIN posted ON posted.id = m.transaction_id`,
    values,
    query_timeout: 600_000,
  });
}

/** A tenant's payouts that are in transit since long ago. */
export interface AgedPayouts {
  tenantId: PublicId;
  /** The days of the oldest and of the newest of them, `YYYY-MM-DD`. */
  oldest: string;
  newest: string;
  /** Since when the oldest is in transit. */
  since: Date;
}

/**
 * Of some tenants, those that have payouts in transit since before a moment: the ends of the range are read, not what
 * lies between. Index: payouts_in_transit.
 */
export async function agedPayouts(db: Queryable, tenants: readonly PublicId[], before: Date): Promise<AgedPayouts[]> {
  const end = (order: 'ASC' | 'DESC') =>
    `SELECT business_date, sent_at FROM payouts
     WHERE tenant_id = t.id AND state = 'in_transit' AND sent_at < $2 ORDER BY sent_at ${order} LIMIT 1`;
  const { rows } = await db.query<{ id: string; oldest: string; newest: string; since: Date }>({
    name: 'aged-payouts',
    text: `SELECT t.id, first.business_date AS oldest, last.business_date AS newest, first.sent_at AS since
           FROM unnest($1::uuid[]) AS t(id)
           CROSS JOIN LATERAL (${end('ASC')}) AS first CROSS JOIN LATERAL (${end('DESC')}) AS last`,
    values: [tenants.map(toUuid), before],
  });
  return rows.map(({ id, ...row }) => ({ tenantId: fromUuid('ten', id), ...row }));
}

function toPayout(row: Row): Payout {
  return {
    id: fromUuid('out', row.id),
    merchantId: fromUuid('mer', row.merchant_id),
    currency: row.currency,
    amount: BigInt(row.amount),
    businessDate: row.business_date,
    state: row.state,
    sentAt: row.sent_at,
    paidAt: row.paid_at ?? undefined,
    returnedAt: row.returned_at ?? undefined,
  };
}
