import { createHash } from 'node:crypto';

/**
 * How the items of a run are hashed: SHA-256 of each page's rows in the order of merchant, currency and transaction, each
 * chained to the one before. Neither the size of a page nor the form of a row ever changes: seals of settled days are kept
 * for ever. A page at a time can be taken up where another request left off.
 */
export const SEALED_PAGE = 5_000;

/** How far the items of a run are hashed. */
export interface SealProgress {
  /** In hex. */
  hash: string;
  /** How many items. */
  items: number;
  /** The last of them; null before the first. */
  after: ItemKey | null;
}

/** An item's place: UUIDs, and a currency. */
export interface ItemKey {
  merchant: string;
  currency: string;
  transaction: string;
}

/** A page of items. */
export interface HashedPage {
  /** SHA-256 of its rows, in hex. */
  hash: string;
  items: number;
  last: ItemKey;
}

export const SEAL_START: SealProgress = { hash: '0'.repeat(64), items: 0, after: null };

/** The progress after a further page. */
export function sealed({ hash, items }: SealProgress, page: HashedPage): SealProgress {
  const next = createHash('sha256').update(hash, 'hex').update(page.hash, 'hex').digest('hex');
  return { hash: next, items: items + page.items, after: page.last };
}
