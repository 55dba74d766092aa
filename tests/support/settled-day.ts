import type { Pool } from 'pg';
import { newId, type PublicId, toUuid } from '../../core/ids';
import {
  ACCOUNTS,
  adjustmentPosting,
  capturePosting,
  chargebackPosting,
  type Posting,
  refundPosting,
} from '../../domains/ledger/rules/postings';
import { accountId } from '../../domains/ledger/store/account-id';
import { postTransaction } from '../../domains/ledger/store/ledger';
import type { ItemKind } from '../../domains/settlement/rules/reconcile';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';

/** A transaction of a merchant; amounts in minor units. */
export interface TransactionFixture {
  merchantId: PublicId;
  kind: Exclude<ItemKind, 'refund_reversal' | 'chargeback_reversal'>;
  reference: string;
  currency: string;
  /** Positive; an adjustment may be negative. */
  amount: bigint;
  fee?: bigint;
  tax?: bigint;
  effectiveAt?: Date;
  late?: boolean;
}

/** Posts transactions and settles them as a day, by SQL: a run, its items, and statements that carry balances over. */
export async function insertSettledDay(
  pool: Pool,
  tenantId: PublicId,
  options: { date: string; state?: string; transactions: readonly TransactionFixture[]; payout?: boolean },
): Promise<{ runId: PublicId; transactionIds: PublicId[] }> {
  const { date, state = 'completed', payout = false } = options;
  return inTransaction(pool, async (client) => {
    const runId = await insertRun(client, tenantId, date);
    const transactionIds: PublicId[] = [];
    for (const transaction of options.transactions) {
      const { id } = await postTransaction(client, {
        tenantId,
        kind: transaction.kind,
        externalRef: transaction.reference,
        currency: transaction.currency,
        posting: postingOf(transaction),
        merchantId: transaction.merchantId,
        effectiveAt: transaction.effectiveAt ?? new Date(`${date}T12:00:00Z`),
      });
      transactionIds.push(id);
      await client.query('UPDATE settlement_items SET run_id = $1, late = $2 WHERE transaction_id = $3', [
        toUuid(runId),
        transaction.late ?? false,
        toUuid(id),
      ]);
    }
    await insertRecords(client, { tenantId, runId, date, payout });
    await endRun(client, runId, state);
    return { runId, transactionIds };
  });
}

/** So many rows are written by a slow machine, too, within a statement's time. */
const STATEMENT_ROWS = 5_000;

/** Settles a day of `count` captures of 10.00 EUR by each merchant, all written at once; see {@link largeReference}. */
export async function insertLargeDay(
  pool: Pool,
  tenantId: PublicId,
  options: { date: string; merchantIds: readonly PublicId[]; count: number },
): Promise<PublicId> {
  const { date, merchantIds, count } = options;
  return inTransaction(pool, async (client) => {
    const runId = await insertRun(client, tenantId, date);
    const clearing = accountId({ tenantId, code: ACCOUNTS.pspClearing, currency: 'EUR' });
    const owed = accountId({ tenantId, code: 'merchant_pending', currency: 'EUR' });
    await client.query(
      `INSERT INTO ledger_accounts (id, tenant_id, code, type, currency)
       VALUES ($1, $3, $4, 'asset', 'EUR'), ($2, $3, 'merchant_pending', 'liability', 'EUR') ON CONFLICT DO NOTHING`,
      [clearing, owed, toUuid(tenantId), ACCOUNTS.pspClearing],
    );
    for (const merchantId of merchantIds) {
      for (let from = 1; from <= count; from += STATEMENT_ROWS) {
        await client.query(
          `WITH made AS (
           INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, effective_at)
           SELECT gen_random_uuid(), $1, 'capture', $3 || ' ' || $2 || ' ' || n, $2::text::uuid, $3::text::date + interval '12 hours'
           FROM generate_series($7::int, $4::int) AS n
           RETURNING id, merchant_id, effective_at
         ), entries AS (
           INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
           SELECT id, account, 'EUR', amount FROM made, (VALUES ($5::uuid, 1000), ($6::uuid, -1000)) AS e(account, amount)
         )
         INSERT INTO settlement_items (transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net,
                                       effective_at)
         SELECT id, $1, merchant_id, 'EUR', 'capture', 1000, 59, 0, 941, effective_at FROM made`,
          [
            toUuid(tenantId),
            toUuid(merchantId),
            date,
            Math.min(count, from + STATEMENT_ROWS - 1),
            clearing,
            owed,
            from,
          ],
        );
      }
      await client.query('UPDATE settlement_items SET run_id = $1 WHERE merchant_id = $2 AND run_id IS NULL', [
        toUuid(runId),
        toUuid(merchantId),
      ]);
    }
    await insertRecords(client, { tenantId, runId, date, payout: false });
    await endRun(client, runId, 'completed');
    return runId;
  });
}

/** The reference of the n-th capture, from 1, of a merchant's large day. */
export function largeReference(date: string, merchantId: PublicId, n: number): string {
  return `${date} ${toUuid(merchantId)} ${n}`;
}

async function insertRun(db: Queryable, tenantId: PublicId, date: string): Promise<PublicId> {
  const id = newId('set');
  await db.query({
    text: `INSERT INTO settlement_runs (id, tenant_id, business_date, time_zone, period_start, period_end, state, trigger,
                                        workflow_id)
           VALUES ($1, $2, $3::date, 'UTC', $3::date - interval '1 minute', $3::date + interval '1439 minutes', 'running',
                   'manual', 'test')`,
    values: [toUuid(id), toUuid(tenantId), date],
  });
  return id;
}

async function endRun(db: Queryable, runId: PublicId, state: string): Promise<void> {
  await db.query({
    text: 'UPDATE settlement_runs SET state = $2, claimed_at = now(), finished_at = now() WHERE id = $1',
    values: [toUuid(runId), state],
  });
}

function postingOf({ kind, merchantId, amount, fee = 0n, tax = 0n }: TransactionFixture): Posting {
  switch (kind) {
    case 'capture':
      return capturePosting('psp_clearing', merchantId, amount, { fee, tax });
    case 'refund':
      return refundPosting('psp_clearing', merchantId, amount, { fee, tax });
    case 'chargeback':
      return chargebackPosting(merchantId, amount, { fee, tax });
    case 'adjustment':
      return adjustmentPosting(merchantId, amount);
  }
}

async function insertRecords(
  db: Queryable,
  { tenantId, runId, date, payout }: { tenantId: PublicId; runId: PublicId; date: string; payout: boolean },
): Promise<void> {
  await db.query({
    text: `WITH sums AS (
             SELECT merchant_id, currency,
                    coalesce(sum(gross) FILTER (WHERE kind = 'capture'), 0) AS sales,
                    coalesce(sum(gross) FILTER (WHERE kind = 'refund'), 0) AS refunds,
                    coalesce(sum(gross) FILTER (WHERE kind LIKE 'chargeback%'), 0) AS chargebacks,
                    coalesce(sum(gross) FILTER (WHERE kind = 'adjustment'), 0) AS adjustments,
                    sum(fee) AS fees, sum(fee_tax) AS fee_tax, sum(net) AS net, count(*) AS items,
                    count(*) FILTER (WHERE late) AS late
             FROM settlement_items WHERE run_id = $1 GROUP BY merchant_id, currency
           ), before AS (
             SELECT merchant_id, currency, closing FROM settlement_records
             WHERE tenant_id = $2 AND business_date = $3::date - 1
           ), parts AS (
             SELECT merchant_id, currency, coalesce(closing, 0) AS opening, coalesce(sales, 0) AS sales,
                    coalesce(refunds, 0) AS refunds, coalesce(chargebacks, 0) AS chargebacks,
                    coalesce(adjustments, 0) AS adjustments, coalesce(fees, 0) AS fees, coalesce(fee_tax, 0) AS fee_tax,
                    coalesce(net, 0) AS net, coalesce(items, 0) AS items, coalesce(late, 0) AS late
             FROM sums LEFT JOIN before USING (merchant_id, currency)
             UNION ALL
             SELECT merchant_id, currency, closing, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM before
             WHERE closing <> 0 AND (merchant_id, currency) NOT IN (SELECT merchant_id, currency FROM sums)
           ), paid AS (
             SELECT *, CASE WHEN $4 THEN greatest(opening + net, 0) ELSE 0 END AS paid_out FROM parts
           )
           INSERT INTO settlement_records (run_id, merchant_id, currency, tenant_id, business_date, opening, gross_sales,
             refunds, chargebacks, adjustments, fees, fee_tax, reserve_held, reserve_released, net, paid_out, closing,
             item_count, late_count)
           SELECT $1, merchant_id, currency, $2, $3::date, opening, sales, refunds, chargebacks, adjustments, fees, fee_tax,
                  0, 0, net, paid_out, opening + net - paid_out, items, late
           FROM paid`,
    values: [toUuid(runId), toUuid(tenantId), date, payout],
  });
}
