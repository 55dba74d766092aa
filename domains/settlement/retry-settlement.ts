import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { requireBusiness } from '../merchants';
import { noSettlement, SettlementRefusal } from './refusals';
import { type Starter, startSettlement } from './start';
import { findRun, reopenRun, type SettlementRun } from './store/settlement-runs';

/**
 * Settles a day again that failed or was held for review, with what it has claimed already.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @returns the run as it is then
 * @throws SettlementRefusal for a day that has no settlement, or one that cannot be retried
 */
export async function retrySettlement(
  deps: Starter & { pool: Pool },
  by: { tenantId: PublicId; keyId: PublicId },
  date: string,
): Promise<SettlementRun> {
  const { pool } = deps;
  const { tenantId, keyId } = by;
  await requireBusiness(pool, tenantId);
  const run = await findRun(pool, tenantId, date);
  if (run === undefined) throw noSettlement();
  const reopened = await inTransaction(pool, async (client) => {
    if (!(await reopenRun(client, run.id))) return false;
    const payload = { date, from: run.state, attempt: run.attempt + 1 };
    await appendAudit(client, tenantId, { actor: keyId, action: 'settlement.retried', subject: run.id, payload });
    return true;
  });
  // A run that was reopened before, but not started, is started now.
  const startable = reopened || (run.state === 'pending' && run.trigger === 'retry');
  if (!startable) {
    const detail = `The settlement of ${date} is ${run.state}; only one that failed or needs a review can be retried.`;
    throw new SettlementRefusal('not-retryable', detail);
  }
  await startSettlement(deps, { tenantId, upTo: date, trigger: 'retry' });
  return (await findRun(pool, tenantId, date)) ?? run;
}
