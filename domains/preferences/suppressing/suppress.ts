import { asId, newId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { type GivenAddress, hashAddress, openAddressKeys } from '../addresses';
import { LEAVE_MS } from '../changes/terms';
import { PreferenceRefusal } from '../refusals';
import { EVERYTHING, mayBePartial, type SuppressionReason, type SuppressionSource } from '../rules/suppression';
import { findCategory } from '../store/catalogue';
import { insertChange, type RecordedKind } from '../store/changes';
import type { HashedAddress } from '../store/destinations';
import { findSuppression, type Suppression } from '../store/suppressions';
import type { KeyedEffect } from '../subscribers/create-subscriber';
import { afterSuppression } from './after-suppression';
import { recordForSubscribers, suppressionRecord } from './record-for-subscribers';
import { suppressMany } from './suppress-many';

/** An address to suppress. */
export interface SuppressionWish extends GivenAddress {
  /** `*`, or the key of a category. */
  scope: string;
  reason: SuppressionReason;
  /** From this moment on it no longer counts; undefined for never. Rounded up to the second. */
  expiresAt: Date | undefined;
  /** What shows that there is a reason, such as what the provider said. */
  evidence: Readonly<Record<string, string>>;
}

/** What was made of a wish. */
export interface SuppressionResult {
  suppression: Suppression;
  /** `known`: there was one like it that lasts as long. */
  outcome: 'made' | 'extended' | 'known';
  /** The change that it was; undefined when nothing changed. */
  changeId: PublicId | undefined;
}

/**
 * Suppresses an address, once per effect. Once it resolves, no decision allows what it stops. One like it that is in force
 * is kept, and lasts as long as the longer of the two.
 *
 * @throws PreferenceRefusal when the address is none of its channel, or the scope does not fit
 */
export async function suppress(
  platform: Platform,
  { tenantId, keyId, effectId, fence }: KeyedEffect,
  wish: SuppressionWish,
): Promise<SuppressionResult> {
  const id = asId('sup', effectId);
  if (wish.expiresAt !== undefined && wish.expiresAt.getTime() <= Date.now()) {
    throw new PreferenceRefusal('already-expired', 'must lie ahead', { field: ['expiresAt'] });
  }
  const terms = await suppressionTerms(platform, tenantId, wish);
  const result = await inTransaction(platform.pool, async (db) => {
    await fence(db);
    const made = await findSuppression(db, tenantId, id);
    if (made !== undefined) return { suppression: made, outcome: 'made' as const, changeId: undefined };
    return suppressIn(db, platform, { ...terms, tenantId, id, actor: keyId, source: 'api' }, wish);
  });
  await afterSuppression(platform, tenantId, result.changeId);
  return result;
}

/** What of a suppression is known before its transaction begins. */
export interface SuppressionTerms {
  address: HashedAddress;
  /** The tenant's key. */
  key: Buffer;
}

/** @throws PreferenceRefusal as {@link suppress} does */
export async function suppressionTerms(
  platform: Platform,
  tenantId: PublicId,
  wish: Pick<SuppressionWish, 'channel' | 'address' | 'scope' | 'reason'>,
): Promise<SuppressionTerms> {
  const field = ['scope'];
  if (wish.scope !== EVERYTHING) {
    if (!mayBePartial(wish.reason)) {
      throw new PreferenceRefusal(
        'unusable-scope',
        `must be * for the reason ${wish.reason}: it is about the address`,
        {
          field,
        },
      );
    }
    if ((await findCategory(platform.pool, tenantId, wish.scope)) === undefined) {
      throw new PreferenceRefusal('unusable-scope', 'is neither * nor a category that there is', { field });
    }
  }
  return {
    address: await hashAddress(platform, tenantId, wish),
    key: await platform.once(openAddressKeys).of(tenantId),
  };
}

/** Who suppresses, as what, and where it comes from. */
export interface SuppressionMaking extends SuppressionTerms {
  tenantId: PublicId;
  id: PublicId;
  actor: string;
  source: SuppressionSource;
  /** How long the sweep leaves what follows alone; 0 when nobody else attends to it. */
  leaveMs?: number;
}

/**
 * Suppresses an address within the caller's transaction: with the address locked, the subscribers who have it locked and at a
 * new version, entries in their consent logs, and one in the audit log.
 *
 * @param db - one connection inside a transaction, READ COMMITTED; no subscriber is locked in it yet
 */
export async function suppressIn(
  db: Queryable,
  platform: Pick<Platform, 'keyring' | 'metrics'>,
  making: SuppressionMaking,
  wish: SuppressionWish,
): Promise<SuppressionResult> {
  const { tenantId, id, address, actor, source } = making;
  const { scope, reason, evidence } = wish;
  const details = { address: wish.address, evidence: { ...evidence } };
  const expiresAt = wish.expiresAt && new Date(Math.ceil(wish.expiresAt.getTime() / 1_000) * 1_000);
  const [made] = await suppressMany(db, platform, { tenantId, actor, source }, [
    { id, address, scope, reason, expiresAt, details },
  ]);
  if (made === undefined) throw new Error('one wish has one result');
  const { suppression, outcome } = made;
  if (outcome === 'known') return { suppression, outcome, changeId: undefined };
  const kind = outcome === 'made' ? 'suppressed' : 'expiry';
  return { suppression, outcome, changeId: await recordSuppression(db, making, suppression, kind) };
}

/**
 * Records what was done with a suppression: those who have the address get a new version and an entry in their consent logs,
 * and the tenant's audit log gets one.
 *
 * @param db - in the transaction that has locked the address
 * @returns the change's id
 */
export async function recordSuppression(
  db: Queryable,
  { tenantId, key, actor, leaveMs = LEAVE_MS }: Pick<SuppressionMaking, 'tenantId' | 'key' | 'actor' | 'leaveMs'>,
  suppression: Suppression,
  kind: Extract<RecordedKind, 'suppressed' | 'lifted' | 'expiry'>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<PublicId> {
  const { id: suppressionId, channel, scope, reason } = suppression;
  const changeId = newId('prc');
  const summary = { channel, scope, reason };
  const change = { id: changeId, tenantId, subscriberId: undefined, suppressionId, version: undefined };
  await insertChange(db, { ...change, kind, summary }, leaveMs);
  const at = new Date();
  await recordForSubscribers(db, { tenantId, key, actor, subject: changeId, at }, [{ suppression, kind, more }]);
  const payload = { ...suppressionRecord(suppression), ...more };
  await appendAudit(db, tenantId, { actor, action: `suppression.${kind}`, subject: suppressionId, payload }, at);
  return changeId;
}
