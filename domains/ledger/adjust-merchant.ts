import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { type Approval, type ApprovalsConfig, type Commands, keepForApproval, needsAnotherKey } from '../approvals';
import { appendAudit } from '../audit';
import { findMerchant } from '../merchants';
import { LedgerRefusal } from './refusals';
import { adjustmentPosting } from './rules/postings';
import { type Posted, postTransaction } from './store/ledger';

export interface AdjustmentRequest {
  merchantId: PublicId;
  /** Minor units, not 0: positive gives to the merchant, negative takes. */
  amount: bigint;
  currency: string;
  reason: string;
}

/** An adjustment that is posted, or that waits for another API key. */
export type Adjusted = { id: PublicId; transactionId: PublicId } | { waits: Approval };

/** Its name among the commands that may need another API key, and that of what it does in the audit log. */
const ADJUST = 'ledger.adjust';
const ADJUSTED = 'ledger.adjusted';

/**
 * Corrects by hand what a merchant is owed, once per effect, with an entry in the audit log; from
 * `WAYBILL_REVIEW_FOUR_EYES_FROM` on, once another API key has approved it.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @throws LedgerRefusal when there is no such merchant
 */
export async function adjustMerchant(
  { pool, config }: { pool: Pool; config: ApprovalsConfig },
  effect: Effect & { keyId: PublicId },
  request: AdjustmentRequest,
): Promise<Adjusted> {
  const { tenantId, keyId } = effect;
  const { merchantId, amount, currency } = request;
  if ((await findMerchant(pool, tenantId, merchantId)) === undefined) throw new LedgerRefusal('no-such-merchant');
  const id = asId('adj', effect.effectId);
  const most = amount < 0n ? -amount : amount;
  return inTransaction(pool, async (db) => {
    await effect.fence(db);
    const payload = { ...request, amount: String(amount) };
    if (needsAnotherKey(config, most)) {
      const command = { action: ADJUST, subject: id, amount: most, currency, input: payload };
      return { waits: await keepForApproval(db, effect, command) };
    }
    const posted = await post(db, { ...request, tenantId, id });
    if (posted.posted) await appendAudit(db, tenantId, { actor: keyId, action: ADJUSTED, subject: id, payload });
    return { id, transactionId: posted.id };
  });
}

/** Adjustments that another API key has approved. */
export function ledgerCommands(): Commands {
  return {
    [ADJUST]: async (db, { tenantId, subject, command }) => {
      const { merchantId, amount, currency } = command as { merchantId: PublicId; amount: string; currency: string };
      const { id } = await post(db, { tenantId, id: subject, merchantId, amount: BigInt(amount), currency });
      return { action: ADJUSTED, audit: { transactionId: id } };
    },
  };
}

function post(
  db: Queryable,
  {
    tenantId,
    id,
    merchantId,
    amount,
    currency,
  }: Omit<AdjustmentRequest, 'reason'> & Record<'tenantId' | 'id', PublicId>,
): Promise<Posted> {
  return postTransaction(db, {
    tenantId,
    kind: 'adjustment',
    externalRef: id,
    currency,
    posting: adjustmentPosting(merchantId, amount),
    merchantId,
    effectiveAt: new Date(),
  });
}
