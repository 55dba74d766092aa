import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { type Approval, type ApprovalsConfig, type Commands, keepForApproval, needsAnotherKey } from '../approvals';
import { appendAudit } from '../audit';
import { type NewLedgerTransaction, postTransactions } from '../ledger';
import { noSettlement, SettlementRefusal } from './refusals';
import { itemCorrection, largestSum, payableCorrection } from './rules/corrections';
import { itemDifferences, payableDifferences } from './store/settlement-corrections';
import { REPORT_OPTIONS } from './store/settlement-records';
import { findRun, lockInState, type SettlementRun } from './store/settlement-runs';

/** Corrections posted by one request; what is left is posted by the next. */
const MAX_CORRECTIONS = 1_000;
/** How many of these the audit log names. All are in the ledger, as transactions of the type `correction`. */
const MAX_NAMED = 100;

/** Its name among the commands that may need another API key, and that of what it does in the audit log. */
const CORRECT = 'settlement.correct';
const CORRECTED = 'settlement.corrected';

/** A compensating transaction that was posted. */
export interface Correction {
  transactionId: PublicId;
  /** The transaction that it makes right; undefined when it makes right what is owed to the merchant. */
  corrects: PublicId | undefined;
  merchantId: PublicId;
  currency: string;
}

export interface CorrectedDay {
  runId: PublicId;
  corrections: Correction[];
  /** Whether there may be more to correct. */
  more: boolean;
}

/** What is posted, and what it makes right. */
interface Planned {
  transaction: NewLedgerTransaction & { merchantId: PublicId };
  corrects: PublicId | undefined;
}

/**
 * Posts what makes up for the differences that hold a day for review, with an entry in the audit log, once per effect.
 * Nothing that is there is changed: what is wrong stays visible, and the day can be retried. Every difference stands
 * against the account `settlement_differences`. If they add up to `WAYBILL_REVIEW_FOUR_EYES_FROM` or more in a currency,
 * another API key has to approve it first.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @throws SettlementRefusal when the day needs no review, or its breaches are none that the ledger can make up for
 */
export async function correctDay(
  { pool, config }: { pool: Pool; config: ApprovalsConfig },
  by: Effect & { keyId: PublicId },
  request: { date: string; reason: string },
): Promise<CorrectedDay | { waits: Approval }> {
  const { tenantId, keyId } = by;
  return inTransaction(pool, async (db) => {
    await by.fence(db);
    const { run, planned, most } = await planCorrections(db, tenantId, request.date);
    if (needsAnotherKey(config, most.amount)) {
      const command = { action: CORRECT, subject: run.id, ...most, input: request };
      return { waits: await keepForApproval(db, by, command) };
    }
    const corrected = await post(db, run, planned);
    const payload = { ...request, ...auditOf(run, corrected) };
    await appendAudit(db, tenantId, { actor: keyId, action: CORRECTED, subject: run.id, payload });
    return corrected;
  });
}

/** Corrections of days that another API key has approved. */
export function settlementCommands(): Commands {
  return {
    [CORRECT]: async (db, { tenantId, command, amount }) => {
      const { date } = command as { date: string };
      const { run, planned, most } = await planCorrections(db, tenantId, date);
      if (most.amount > amount) {
        const detail = `The day differs by more than was asked for, ${most.amount} ${most.currency}: reject it and ask again.`;
        throw new SettlementRefusal('more-to-correct', detail);
      }
      return { action: CORRECTED, audit: auditOf(run, await post(db, run, planned)) };
    },
  };
}

function auditOf({ breaches }: SettlementRun, { corrections }: CorrectedDay) {
  const named = corrections.slice(0, MAX_NAMED).map(({ transactionId, corrects, merchantId, currency }) => ({
    transactionId,
    corrects: corrects ?? null,
    merchantId,
    currency,
  }));
  return { breaches, count: corrections.length, corrections: named };
}

/** What is to be posted for a day, which stays locked; `most`: the largest sum of a currency. @throws SettlementRefusal */
async function planCorrections(db: Queryable, tenantId: PublicId, date: string) {
  const run = await findRun(db, tenantId, date);
  if (run === undefined) throw noSettlement();
  if (!(await lockInState(db, run.id, 'needs_review'))) {
    const detail = `The settlement of ${date} is ${run.state}; only one that needs a review is corrected.`;
    throw new SettlementRefusal('not-correctable', detail);
  }
  await db.query({ text: REPORT_OPTIONS });
  const planned = await corrections(db, run);
  const most = largestSum(planned.map(({ transaction }) => transaction));
  if (most === undefined) {
    const detail = 'The ledger has what the statements say. Retry the day: its statements are made again.';
    throw new SettlementRefusal('nothing-to-correct', detail);
  }
  return { run, planned, most };
}

async function post(db: Queryable, { id: runId }: SettlementRun, planned: readonly Planned[]): Promise<CorrectedDay> {
  const posted = await postTransactions(
    db,
    planned.map(({ transaction }) => transaction),
  );
  const made = planned.flatMap(({ transaction: { merchantId, currency }, corrects }, index) => {
    const transactionId = posted[index]?.id;
    return transactionId === undefined ? [] : [{ transactionId, corrects, merchantId, currency }];
  });
  return { runId, corrections: made, more: made.length >= MAX_CORRECTIONS };
}

async function corrections(db: Queryable, run: SettlementRun): Promise<Planned[]> {
  const { id: runId, tenantId, periodStart, periodEnd } = run;
  const planned: Planned[] = (await itemDifferences(db, tenantId, runId, MAX_CORRECTIONS)).map((item) => {
    const { transactionId: corrects, merchantId, currency } = item;
    const posting = itemCorrection(item);
    return {
      corrects,
      transaction: {
        tenantId,
        kind: 'correction',
        externalRef: corrects,
        currency,
        posting,
        merchantId,
        effectiveAt: periodStart,
      },
    };
  });
  const left = MAX_CORRECTIONS - planned.length;
  for (const owed of left > 0 ? await payableDifferences(db, tenantId, runId, left) : []) {
    const { merchantId, currency, opening, closing } = owed;
    const ref = `${runId}/${run.attempt}/${merchantId}/${currency}`;
    const parts = [
      { part: 'opening', missing: opening, effectiveAt: periodStart },
      { part: 'closing', missing: closing, effectiveAt: periodEnd },
    ];
    for (const { part, missing, effectiveAt } of parts) {
      if (missing === 0n) continue;
      const posting = payableCorrection(merchantId, missing);
      const externalRef = `${ref}/${part}`;
      planned.push({
        corrects: undefined,
        transaction: { tenantId, kind: 'correction', externalRef, currency, posting, merchantId, effectiveAt },
      });
    }
  }
  return planned;
}
