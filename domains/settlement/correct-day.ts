import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { type Posting, postTransaction } from '../ledger';
import { noSettlement, SettlementRefusal } from './refusals';
import { itemCorrection, payableCorrection } from './rules/corrections';
import { itemDifferences, payableDifferences } from './store/settlement-corrections';
import { REPORT_OPTIONS } from './store/settlement-records';
import { findRun, lockInState, type SettlementRun } from './store/settlement-runs';

/** Corrections posted by one request; what is left is posted by the next. */
const MAX_CORRECTIONS = 1_000;
/** How many of these the audit log names. All are in the ledger, as transactions of the type `correction`. */
const MAX_NAMED = 100;

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

/**
 * Posts what makes up for the differences that hold a day for review, with an entry in the audit log, once per effect.
 * Nothing that is there is changed: what is wrong stays visible, and the day can be retried. Every difference stands
 * against the account `settlement_differences`.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @throws SettlementRefusal when the day needs no review, or its breaches are none that the ledger can make up for
 */
export async function correctDay(
  { pool }: { pool: Pool },
  by: Effect & { keyId: PublicId },
  { date, reason }: { date: string; reason: string },
): Promise<CorrectedDay> {
  const { tenantId, keyId } = by;
  const run = await findRun(pool, tenantId, date);
  if (run === undefined) throw noSettlement();
  return inTransaction(pool, async (db) => {
    await by.fence(db);
    if (!(await lockInState(db, run.id, 'needs_review'))) {
      const detail = `The settlement of ${date} is ${run.state}; only one that needs a review is corrected.`;
      throw new SettlementRefusal('not-correctable', detail);
    }
    await db.query(REPORT_OPTIONS);
    const corrections = await postCorrections(db, run);
    if (corrections.length === 0) {
      const detail = 'The ledger has what the statements say. Retry the day: its statements are made again.';
      throw new SettlementRefusal('nothing-to-correct', detail);
    }
    const named = corrections.slice(0, MAX_NAMED).map(auditOf);
    const payload = { date, reason, breaches: run.breaches, count: corrections.length, corrections: named };
    await appendAudit(db, tenantId, { actor: keyId, action: 'settlement.corrected', subject: run.id, payload });
    return { runId: run.id, corrections, more: corrections.length >= MAX_CORRECTIONS };
  });
}

function auditOf({ transactionId, corrects, merchantId, currency }: Correction) {
  return { transactionId, corrects: corrects ?? null, merchantId, currency };
}

async function postCorrections(db: Queryable, run: SettlementRun): Promise<Correction[]> {
  const { id: runId, tenantId, periodStart, periodEnd } = run;
  const made: Correction[] = [];
  const post = async (
    what: { merchantId: PublicId; currency: string; ref: string; corrects?: PublicId },
    posting: Posting,
    effectiveAt: Date,
  ) => {
    const { merchantId, currency, ref, corrects } = what;
    const transaction = {
      tenantId,
      kind: 'correction',
      externalRef: ref,
      currency,
      posting,
      merchantId,
      effectiveAt,
    } as const;
    const { id } = await postTransaction(db, transaction);
    made.push({ transactionId: id, corrects, merchantId, currency });
  };
  for (const item of await itemDifferences(db, tenantId, runId, MAX_CORRECTIONS)) {
    const { transactionId: corrects } = item;
    await post({ ...item, ref: corrects, corrects }, itemCorrection(item), periodStart);
  }
  const left = MAX_CORRECTIONS - made.length;
  for (const owed of left > 0 ? await payableDifferences(db, tenantId, runId, left) : []) {
    const { merchantId, currency, opening, closing } = owed;
    const ref = `${runId}/${run.attempt}/${merchantId}/${currency}`;
    const parts = [
      { part: 'opening', missing: opening, at: periodStart },
      { part: 'closing', missing: closing, at: periodEnd },
    ];
    for (const { part, missing, at } of parts) {
      if (missing === 0n) continue;
      await post({ merchantId, currency, ref: `${ref}/${part}` }, payableCorrection(merchantId, missing), at);
    }
  }
  return made;
}
