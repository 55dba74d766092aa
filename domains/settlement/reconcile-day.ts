import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { type LineError, readReconciliationFile } from './rules/reconcile-file';
import { settledDay } from './settled-day';
import { reconcileLines } from './store/reconciliation';
import { findReconciliation, type Reconciliation } from './store/reconciliation-reads';

/** What was found, or what is wrong with the file, line by line. */
export type ReconciledDay = { ok: true; reconciliation: Reconciliation } | { ok: false; errors: LineError[] };

/**
 * Compares a settled day with a file of a bank or provider, and stores the result with an entry in the audit log. A
 * repeat returns the first result.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @throws SettlementRefusal when the day is not settled
 */
export async function reconcileDay(
  { pool }: { pool: Pool },
  by: Effect & { keyId: PublicId },
  { date, text }: { date: string; text: string },
): Promise<ReconciledDay> {
  const { tenantId, keyId } = by;
  const { runId } = await settledDay(pool, tenantId, date);
  const file = readReconciliationFile(text);
  if (!file.ok) return file;
  const { lines, hasKinds } = file;
  const id = asId('rec', by.effectId);
  const reconciliation = await inTransaction(pool, async (client) => {
    await by.fence(client);
    const known = await findReconciliation(client, { tenantId, runId, id });
    if (known !== undefined) return known;
    const fileHash = createHash('sha256').update(text).digest();
    const made = await reconcileLines(client, { id, tenantId, runId, actor: keyId, fileHash, lines, hasKinds });
    await appendAudit(client, tenantId, {
      actor: keyId,
      action: 'settlement.reconciled',
      subject: date,
      payload: auditPayload(made),
    });
    return made;
  });
  return { ok: true, reconciliation };
}

function auditPayload({ id, fileHash, lineCount, state, counts, totals }: Reconciliation) {
  return {
    reconciliationId: id,
    fileSha256: fileHash,
    lines: lineCount,
    state,
    counts,
    totals: totals.map(({ currency, ledger, external, withinTolerance }) => ({
      currency,
      ledger: String(ledger),
      external: String(external),
      variance: String(ledger - external),
      withinTolerance,
    })),
  };
}
