import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type AuditPosition, auditHash, auditTime, CHAIN_START } from '../../audit';
import { headMac } from '../rules/consent-chain';
import { insertConsent } from '../store/consent';
import { moveConsentHead, readConsentHead } from '../store/subscribers';

/** What somebody has agreed to or refused, for the record. */
export interface ConsentEvent {
  /** Who did it: an API key's id, `one_click`, or a provider. */
  actor: string;
  /** Such as `opt_out`. */
  action: string;
  /** The change that it belongs to. */
  changeId: PublicId;
  /** Pseudonymous: nothing in it says who somebody is. */
  payload: Readonly<Record<string, unknown>>;
}

/** Whose log, and the tenant's key for its end. */
export interface ConsentLog {
  tenantId: PublicId;
  subscriberId: PublicId;
  key: Buffer;
}

/**
 * Adds an entry to the consent log of a subscriber who is locked, within the caller's transaction: it is stored if and only
 * if what it records is.
 *
 * @returns the entry's place, worth keeping elsewhere: verification can hold the log against it
 */
export async function appendConsent(
  db: Queryable,
  { tenantId, subscriberId, key }: ConsentLog,
  { actor, action, changeId, payload: given }: ConsentEvent,
  at: Date,
): Promise<AuditPosition> {
  const head = await readConsentHead(db, subscriberId);
  const seq = head.seq + 1;
  const prevHash = head.seq === 0 ? CHAIN_START.hash : head.hash;
  // As the database will return it: without undefined fields.
  const payload: unknown = JSON.parse(JSON.stringify({ ...given, subscriberId }));
  const event = { actor, action, subject: changeId, payload };
  const hash = auditHash(prevHash, { ...event, tenantId, seq, at: auditTime(at) });
  await insertConsent(db, { ...event, subscriberId, seq, at, prevHash, hash });
  await moveConsentHead(db, subscriberId, { seq, hash, mac: headMac(key, subscriberId, { seq, hash }) });
  return { seq, hash };
}
