import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { findMerchant } from '../merchants';
import { type StoredEvent, storeEvent } from '../webhooks';
import { SettlementRefusal } from './refusals';
import { deleteHold, type HoldReason, insertHold, releaseItems, setAsideHeld } from './store/set-aside';
import { carryOver, type PageOfRun } from './store/settlement-records';

/** Why a merchant cannot be settled. */
export interface Hindrance {
  merchantId: PublicId;
  reason: Exclude<HoldReason, 'by_hand'>;
  detail: string;
}

/**
 * Sets merchants of a page aside that cannot be settled: the others are settled without them. What a run has claimed of
 * them waits again, their statements carry balances over, and the tenant is told.
 *
 * @returns events to deliver after the commit, one for each merchant that was not set aside before
 */
export async function setAside(
  db: Queryable,
  page: PageOfRun,
  hindrances: readonly Hindrance[],
): Promise<StoredEvent[]> {
  const { tenantId, runId, date } = page;
  const fresh: Hindrance[] = [];
  for (const hindrance of hindrances) {
    if (await insertHold(db, { ...hindrance, tenantId, actor: 'settlement' })) fresh.push(hindrance);
  }
  await leaveOut(db, page);
  const events: StoredEvent[] = [];
  for (const { merchantId, ...why } of fresh) {
    const payload = { merchantId, date, runId, ...why };
    const action = 'settlement.merchant_set_aside';
    await appendAudit(db, tenantId, { actor: 'settlement', action, subject: merchantId, payload });
    events.push(
      await storeEvent(db, { tenantId, eventType: action, eventId: `${action}/${runId}/${merchantId}`, payload }),
    );
  }
  return events;
}

/** Leaves merchants that have a hold out of a page of a run. @returns how many there are */
export async function leaveOut(db: Queryable, page: PageOfRun): Promise<number> {
  const held = await setAsideHeld(db, page);
  if (held > 0) {
    await releaseItems(db, page);
    await carryOver(db, page);
  }
  return held;
}

interface HoldRequest {
  merchantId: PublicId;
  reason: string;
}

/**
 * Sets a merchant aside by hand: from the next statement that is made on it is not settled, and its transactions wait.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @throws SettlementRefusal when there is no such merchant, or it is set aside already
 */
export async function setMerchantAside(
  { pool }: { pool: Pool },
  effect: Effect & { keyId: PublicId },
  { merchantId, reason: detail }: HoldRequest,
): Promise<void> {
  const { tenantId, keyId } = effect;
  if ((await findMerchant(pool, tenantId, merchantId)) === undefined) throw new SettlementRefusal('no-merchant');
  await inTransaction(pool, async (db) => {
    await effect.fence(db);
    if (!(await insertHold(db, { tenantId, merchantId, reason: 'by_hand', detail, actor: keyId }))) {
      throw new SettlementRefusal('set-aside', 'The merchant is set aside already.');
    }
    const action = 'settlement.merchant_set_aside';
    const payload = { merchantId, reason: 'by_hand', detail };
    await appendAudit(db, tenantId, { actor: keyId, action, subject: merchantId, payload });
  });
}

/**
 * Brings a merchant back that is set aside: the next settlement has everything that waited.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @throws SettlementRefusal when there is no such merchant, or it is not set aside
 */
export async function bringMerchantBack(
  { pool }: { pool: Pool },
  effect: Effect & { keyId: PublicId },
  { merchantId, reason }: HoldRequest,
): Promise<void> {
  const { tenantId, keyId } = effect;
  if ((await findMerchant(pool, tenantId, merchantId)) === undefined) throw new SettlementRefusal('no-merchant');
  await inTransaction(pool, async (db) => {
    await effect.fence(db);
    if (!(await deleteHold(db, tenantId, merchantId))) {
      throw new SettlementRefusal('not-set-aside', 'The merchant is not set aside.');
    }
    const action = 'settlement.merchant_brought_back';
    await appendAudit(db, tenantId, { actor: keyId, action, subject: merchantId, payload: { merchantId, reason } });
  });
}
