import { createHash } from 'node:crypto';
import { type PublicId, toUuid } from '../../../core/ids';

/** An id as a bank's field of 35 characters takes it: without its underscore. */
const COMPACT_ID = /^([a-z]{3})([0-9a-f]{32})$/;
const ID = /^[a-z]{3}_[0-9a-f]{32}$/;
const HEX32 = /^[0-9a-f]{32}$/;
/** Ids with words around them, in any case, and perhaps without their underscore. */
const EMBEDDED = /(?<![a-z0-9])([a-z]{3})_?([0-9a-f]{32})(?![a-z0-9])/gi;
/** What every bank carries (EPC 217-08): no other letters, no slash at the ends, no two of them. */
const CARRIED = /^(?![ /])(?!.*\/\/)[A-Za-z0-9/?:().,'+ -]{1,35}(?<![ /])$/;

/**
 * The name that a transaction has at banks, of at most 35 characters that come back unchanged: the reference itself if
 * it fits, or if it is an id, without the underscore, else the transaction's id. A bank's file is matched by it.
 */
export function endToEndId(reference: string, transactionId: PublicId): string {
  if (ID.test(reference)) return reference.replace('_', '');
  return CARRIED.test(reference) ? reference : transactionId.replace('_', '');
}

/** A name that a line may be found by; `within` when it stands among other words. */
export interface LineName {
  name: string;
  within: boolean;
}

/** What a line's references name: themselves, the id that one is a short form of, and ids among the words of one. */
export function namesOf(references: readonly string[]): LineName[] {
  const names = new Map<string, boolean>();
  const add = (name: string, within: boolean) => {
    if (names.get(name) !== false) names.set(name, within);
  };
  for (const reference of references) {
    add(reference, false);
    const [, prefix, digits] = COMPACT_ID.exec(reference) ?? [];
    if (prefix !== undefined) add(`${prefix}_${digits}`, false);
    if (HEX32.test(reference)) add(`ltx_${reference}`, false);
    for (const [whole, word = '', hex = ''] of reference.matchAll(EMBEDDED)) {
      if (whole !== reference) add(`${word}_${hex}`.toLowerCase(), true);
    }
  }
  return [...names].map(([name, within]) => ({ name, within }));
}

/** The id of what a run pays out to a merchant in a currency; its digits are those of the ledger's transaction. */
function payoutId(runId: PublicId, merchantId: PublicId, currency: string): PublicId {
  const text = `${dashed(runId)}${dashed(merchantId)}${currency}payout`;
  return `out_${createHash('md5').update(text).digest('hex')}`;
}

/** As Postgres writes a UUID. */
function dashed(id: PublicId): string {
  return toUuid(id).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The name that a payout has at banks. */
export function payoutReference(runId: PublicId, merchantId: PublicId, currency: string): string {
  return payoutId(runId, merchantId, currency).replace('_', '');
}
