import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { AuditPosition } from '../../audit';
import { openAddressKeys } from '../addresses';
import { PreferenceRefusal } from '../refusals';
import { ConsentWalk, isMacOf } from '../rules/consent-chain';
import { readStoredConsent } from '../store/consent';
import { findSubscriber, readConsentHead } from '../store/subscribers';

const PAGE = 1_000;

export type ConsentProblem = 'changed' | 'missing' | 'wrong-end';

/** What a verification of a consent log found. */
export interface ConsentVerdict {
  verified: boolean;
  /** How many entries are valid, from the first on. */
  entries: number;
  /** The last valid entry; undefined when there is none. */
  head: AuditPosition | undefined;
  /** The first entry that was changed, or is missing; undefined when there is none. */
  brokenAt: number | undefined;
  problem: ConsentProblem | undefined;
}

/**
 * Verifies a subscriber's consent log: every entry is the one that was written after the one before, and the log ends where
 * it last ended, which only who has the keys could change.
 *
 * @param expected - a place that the log is known to have had
 * @throws PreferenceRefusal when there is no such subscriber
 */
export async function verifyConsent(
  platform: Platform,
  tenantId: PublicId,
  subscriberId: PublicId,
  expected: AuditPosition | undefined,
): Promise<ConsentVerdict> {
  const { reads } = platform;
  if ((await findSubscriber(reads, tenantId, subscriberId)) === undefined)
    throw new PreferenceRefusal('no-such-subscriber');
  const key = await platform.once(openAddressKeys).of(tenantId);
  // Before the entries: what is added meanwhile is then more than the end says, and not missing.
  const head = await readConsentHead(reads, subscriberId);
  const walk = new ConsentWalk(tenantId, subscriberId);
  let met = expected === undefined;
  let atHead: AuditPosition | undefined;
  for (let after = 0; ; ) {
    const entries = await readStoredConsent(reads, subscriberId, after, PAGE);
    for (const entry of entries) {
      walk.add(entry);
      if (entry.seq === head.seq) atHead = { seq: entry.seq, hash: entry.hash };
      if (entry.seq === expected?.seq && entry.hash.equals(expected.hash)) met = true;
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < PAGE) break;
    after = last.seq;
  }
  const { valid, last, fault } = walk;
  const verdict = (brokenAt?: number, problem?: ConsentProblem): ConsentVerdict => ({
    verified: problem === undefined,
    entries: valid.seq,
    head: valid.seq === 0 ? undefined : valid,
    brokenAt,
    problem,
  });
  if (fault !== undefined) return verdict(fault.seq, fault.problem);
  if (!met) return verdict(expected?.seq, (expected?.seq ?? 0) > last.seq ? 'missing' : 'changed');
  if (head.seq === 0) return last.seq === 0 ? verdict() : verdict(1, 'wrong-end');
  if (atHead === undefined) return verdict(last.seq + 1, 'missing');
  if (!atHead.hash.equals(head.hash)) return verdict(head.seq, 'changed');
  const { mac } = head;
  return mac !== undefined && isMacOf(mac, key, subscriberId, head) ? verdict() : verdict(head.seq, 'wrong-end');
}
