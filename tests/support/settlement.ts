import { MockActivityEnvironment } from '@temporalio/testing';
import type { Pool } from 'pg';
import { createSettlementActivities, type SettlementActivities } from '../../activities/settlement';
import { newId, type PublicId, toUuid } from '../../core/ids';
import {
  ACCOUNTS,
  adjustmentPosting,
  capturePosting,
  chargebackPosting,
  type LedgerKind,
  type Posting,
  refundPosting,
} from '../../domains/ledger/rules/postings';
import { postTransaction } from '../../domains/ledger/store/ledger';
import { businessDay } from '../../domains/merchants/rules/business-day';
import { feeOf, feeReturned } from '../../domains/merchants/rules/fees';
import type { FeeSchedule } from '../../domains/merchants/store/fee-schedules';
import type { Pipeline } from './pipeline';

/** Something that happens to a merchant. */
export interface Happening {
  kind: 'capture' | 'refund' | 'chargeback' | 'adjustment';
  amount: bigint;
  merchantId: PublicId;
  currency: string;
  at: Date;
  /** Names it; by default a new one. */
  ref?: string;
}

/** What the ledger should say about it, by the rules of domains/ledger. */
export function postingOf({ kind, amount, merchantId }: Happening, schedule: FeeSchedule): Posting {
  const charged = feeOf(amount, schedule.terms);
  switch (kind) {
    case 'capture':
      return capturePosting(ACCOUNTS.pspClearing, merchantId, amount, charged);
    case 'refund':
      return refundPosting(
        ACCOUNTS.pspClearing,
        merchantId,
        amount,
        feeReturned(charged, { captured: amount, before: 0n, amount, policy: 'prorate' }),
      );
    case 'chargeback':
      return chargebackPosting(merchantId, amount, { fee: schedule.terms.disputeFee, tax: 0n });
    case 'adjustment':
      return adjustmentPosting(merchantId, amount);
  }
}

/** Posts it to the ledger. */
export async function happen(
  pool: Pool,
  tenantId: PublicId,
  schedule: FeeSchedule,
  happening: Happening,
): Promise<Posting> {
  const posting = postingOf(happening, schedule);
  await postTransaction(pool, {
    tenantId,
    kind: happening.kind satisfies LedgerKind,
    externalRef: happening.ref ?? newId('pay'),
    currency: happening.currency,
    posting,
    merchantId: happening.merchantId,
    feeScheduleId: schedule.id,
    effectiveAt: happening.at,
  });
  return posting;
}

type Step = 'openDay' | 'claimDay' | 'computeDay' | 'checkDay' | 'postDay' | 'completeDay';

/** Runs steps of a settlement one by one, as its workflow would, on a real database. */
export function createSteps(pipeline: Pipeline) {
  const activities = createSettlementActivities(pipeline.platform);
  const environment = () => new MockActivityEnvironment();
  const run = async (step: Step, tenantId: PublicId, date: string): Promise<unknown> => {
    const day = { tenantId, date };
    if (step === 'openDay') {
      const input = { ...day, trigger: 'manual' as const, workflowId: 'test' };
      return environment().run(
        (given: Parameters<SettlementActivities['openDay']>[0]) => activities.openDay(given),
        input,
      );
    }
    return environment().run((given: typeof day) => activities[step](given), day);
  };
  return {
    run,
    /** All steps in order; the outcome of the last. */
    async settle(tenantId: PublicId, date: string, steps: readonly Step[] = STEPS) {
      let outcome: unknown;
      for (const step of steps) outcome = await run(step, tenantId, date);
      return outcome;
    },
  };
}

export const STEPS: readonly Step[] = ['openDay', 'claimDay', 'computeDay', 'checkDay', 'postDay', 'completeDay'];

/** A moment this many hours after the beginning of a business day. */
export function during(date: string, hours: number, timeZone = 'UTC', cutoff = '23:59'): Date {
  return new Date(businessDay(date, { timeZone, cutoff }).start.getTime() + hours * 3_600_000);
}

/** The rows of a settlement that must be the same however it came about, as text. */
export async function rowsOf(pool: Pool, tenantId: PublicId, date: string): Promise<string> {
  const { rows } = await pool.query(
    `SELECT r.merchant_id, r.currency, opening, gross_sales, refunds, chargebacks, adjustments, fees, fee_tax, reserve_held,
            reserve_released, net, paid_out, closing, r.item_count, r.late_count, encode(run.totals_hash, 'hex') AS hash
     FROM settlement_records r JOIN settlement_runs run ON run.id = r.run_id
     WHERE run.tenant_id = $1 AND run.business_date = $2::date ORDER BY r.merchant_id, r.currency`,
    [toUuid(tenantId), date],
  );
  return JSON.stringify(rows);
}

/** The sum of all entries of a tenant, and of each account by code and currency. */
export async function balances(pool: Pool, tenantId: PublicId): Promise<Record<string, bigint>> {
  const { rows } = await pool.query<{ key: string; amount: string }>(
    `SELECT a.code || ' ' || a.currency AS key, sum(e.amount)::text AS amount
     FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id WHERE a.tenant_id = $1 GROUP BY 1`,
    [toUuid(tenantId)],
  );
  return Object.fromEntries(rows.map(({ key, amount }) => [key, BigInt(amount)]));
}
