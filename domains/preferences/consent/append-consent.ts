import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type AuditPosition, auditHash, auditTime, CHAIN_START } from '../../audit';
import { headMac } from '../rules/consent-chain';
import { insertConsents, type NewConsentEntry } from '../store/consent';
import { type ConsentHead, moveConsentHeads, readConsentHeads } from '../store/subscribers';

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
  event: ConsentEvent,
  at: Date,
): Promise<AuditPosition> {
  const [place] = await appendConsents(db, { tenantId, key }, [{ ...event, subscriberId }], at);
  if (place === undefined) throw new Error('one entry has one place');
  return place;
}

/**
 * Adds entries to the consent logs of subscribers who are locked, as {@link appendConsent} does, in three statements however
 * many they are. Several of one subscriber follow each other in their order.
 */
export async function appendConsents(
  db: Queryable,
  { tenantId, key }: Pick<ConsentLog, 'tenantId' | 'key'>,
  events: readonly (ConsentEvent & { subscriberId: PublicId })[],
  at: Date,
): Promise<AuditPosition[]> {
  if (events.length === 0) return [];
  const heads = await readConsentHeads(db, [...new Set(events.map(({ subscriberId }) => subscriberId))]);
  const moved = new Map<PublicId, ConsentHead>();
  const entries = events.map(({ subscriberId, actor, action, changeId, payload: given }): NewConsentEntry => {
    const head = moved.get(subscriberId) ?? heads.get(subscriberId);
    if (head === undefined) throw new Error(`there is no subscriber ${subscriberId}`);
    const seq = head.seq + 1;
    const prevHash = head.seq === 0 ? CHAIN_START.hash : head.hash;
    // As the database will return it: without undefined fields.
    const payload: unknown = JSON.parse(JSON.stringify({ ...given, subscriberId }));
    const event = { actor, action, subject: changeId, payload };
    const hash = auditHash(prevHash, { ...event, tenantId, seq, at: auditTime(at) });
    moved.set(subscriberId, { seq, hash, mac: headMac(key, subscriberId, { seq, hash }) });
    return { ...event, subscriberId, seq, at, prevHash, hash };
  });
  await insertConsents(db, entries);
  await moveConsentHeads(db, moved);
  return entries.map(({ seq, hash }) => ({ seq, hash }));
}
