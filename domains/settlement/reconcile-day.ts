import { createHash } from 'node:crypto';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { deliverEvents } from '../webhooks';
import type { SettlementDeps } from './deps';
import { type ReportedPayouts, reportPayouts } from './report-payouts';
import { readReconciliationFile } from './rules/reconcile-file';
import type { CsvProfile, LineError } from './rules/reconciliation-line';
import { settledDay } from './settled-day';
import { reconcileLines } from './store/reconciliation';
import { findReconciliation, type Reconciliation } from './store/reconciliation-reads';

/** A file to compare with a settled day. */
export interface ReconciliationRequest extends CsvProfile {
  /** `YYYY-MM-DD` */
  date: string;
  /** camt.053 or CSV. */
  text: string;
  /** Of how many business days before and after, transactions may be in the file. */
  days: number;
}

/** What was found, or what is wrong with the file, line by line. */
export type ReconciledDay = { ok: true; reconciliation: Reconciliation } | { ok: false; errors: LineError[] };

const NO_PAYOUTS: ReportedPayouts = { paid: [], returned: [], events: [] };

/**
 * Compares a settled day with a file of a bank or provider, and stores the result with an entry in the audit log. What
 * the file says of payouts is booked. A repeat returns the first result.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @throws SettlementRefusal when the day is not settled
 */
export async function reconcileDay(
  deps: Pick<SettlementDeps, 'pool' | 'client' | 'config' | 'log' | 'metrics'>,
  by: Effect & { keyId: PublicId },
  { date, text, days, ...profile }: ReconciliationRequest,
): Promise<ReconciledDay> {
  const { tenantId, keyId } = by;
  const { runId, periodStart, periodEnd } = await settledDay(deps.pool, tenantId, date);
  const file = await readReconciliationFile(text, profile);
  if (!file.ok) return file;
  const { lines, hasKinds } = file;
  const id = asId('rec', by.effectId);
  const { reconciliation, reported } = await inTransaction(deps.pool, async (client) => {
    await by.fence(client);
    const known = await findReconciliation(client, { tenantId, runId, id });
    if (known !== undefined) return { reconciliation: known, reported: NO_PAYOUTS };
    const fileHash = createHash('sha256').update(text).digest();
    const day = { tenantId, runId, date, periodStart, periodEnd, days, hasKinds };
    const made = await reconcileLines(client, { ...day, id, actor: keyId, fileHash, lines });
    const news = await reportPayouts(client, { tenantId, reconciliationId: id, payouts: made.payouts });
    await appendAudit(client, tenantId, {
      actor: keyId,
      action: 'settlement.reconciled',
      subject: date,
      payload: auditPayload(made.reconciliation, news),
    });
    return { reconciliation: made.reconciliation, reported: news };
  });
  await deliverEvents(deps, reported.events);
  return { ok: true, reconciliation };
}

/** How many ids an entry of the audit log names. */
const NAMED_PAYOUTS = 100;

function auditPayload(found: Reconciliation, { paid, returned }: ReportedPayouts) {
  const { id, fileHash, lineCount, state, counts, totals } = found;
  const named = (payouts: typeof paid) => ({
    count: payouts.length,
    first: payouts.slice(0, NAMED_PAYOUTS).map((payout) => payout.id),
  });
  return {
    reconciliationId: id,
    fileSha256: fileHash,
    lines: lineCount,
    state,
    counts,
    totals: totals.map(({ currency, ledger, external, discrepancy, withinTolerance }) => ({
      currency,
      ledger: String(ledger),
      external: String(external),
      variance: String(ledger - external),
      discrepancy: discrepancy === undefined ? null : String(discrepancy),
      withinTolerance,
    })),
    ...(paid.length > 0 ? { payoutsPaid: named(paid) } : {}),
    ...(returned.length > 0 ? { payoutsReturned: named(returned) } : {}),
  };
}
