import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import {
  type AuditPosition,
  CHAIN_START,
  type EntryFault,
  faultsAfter,
  type StoredAuditEntry,
} from '../../audit/rules/audit-chain';

/** The keyed hash of a chain's end: who does not have the key cannot make one for another end. */
export function headMac(key: Buffer, subscriberId: PublicId, { seq, hash }: AuditPosition): Buffer {
  return createHmac('sha256', key).update(`consent/${subscriberId}/${seq}/`).update(hash).digest();
}

/** Whether this is the keyed hash of the end. */
export function isMacOf(mac: Buffer, key: Buffer, subscriberId: PublicId, head: AuditPosition): boolean {
  const expected = headMac(key, subscriberId, head);
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}

/** Walks the entries of a subscriber's chain in their order, and keeps the first that is not as it was written. */
export class ConsentWalk {
  #last: AuditPosition = CHAIN_START;
  #valid: AuditPosition = CHAIN_START;
  #fault: EntryFault | undefined;

  constructor(
    private readonly tenantId: PublicId,
    private readonly subscriberId: PublicId,
  ) {}

  add(entry: StoredAuditEntry): void {
    const [fault] = faultsAfter(this.#last, entry, this.tenantId);
    const found = fault ?? (this.#isOwn(entry) ? undefined : { seq: entry.seq, problem: 'changed' as const });
    this.#fault ??= found;
    this.#last = { seq: entry.seq, hash: entry.hash };
    if (this.#fault === undefined) this.#valid = this.#last;
  }

  /** The last valid entry; {@link CHAIN_START} before the first. */
  get valid(): AuditPosition {
    return this.#valid;
  }

  /** The last entry that is stored. */
  get last(): AuditPosition {
    return this.#last;
  }

  /** The first entry that was changed, or is missing. */
  get fault(): EntryFault | undefined {
    return this.#fault;
  }

  /** A whole chain that was copied from somebody else follows from its start as well. */
  #isOwn({ payload }: StoredAuditEntry): boolean {
    const value: unknown = JSON.parse(payload);
    return typeof value === 'object' && value !== null && Reflect.get(value, 'subscriberId') === this.subscriberId;
  }
}
