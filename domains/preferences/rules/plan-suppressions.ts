/** One that is like a wish and not lifted: of the same address, scope and reason. */
export interface Like {
  /** Milliseconds since the epoch; null for never. */
  expiresAt: number | null;
}

/** A suppression that is wanted. */
export interface PlannedWish extends Like {
  /** The same for wishes that are alike. */
  key: string;
}

/** What becomes of a wish. `known`: there is one like it that lasts as long. */
export type PlannedOutcome = 'made' | 'extended' | 'known';

/** What is to be written for wishes that are alike, once for all of them. */
export interface PlannedWrite {
  key: string;
  /** The first wish that changes something: what is made is made of it. */
  wish: number;
  /** `make` takes the place of one that has expired, if there is one. */
  kind: 'make' | 'extend';
  /** When it ends after all of them. */
  expiresAt: number | null;
}

/** What becomes of each wish, and what is to be written for it. */
export interface SuppressionPlan {
  outcomes: PlannedOutcome[];
  writes: PlannedWrite[];
}

/**
 * Plans suppressions as if each was made after the one before: one like it that is in force is kept, and lasts as long as
 * the longer of the two. Nothing ever ends sooner.
 *
 * @param before - those that there are, by key
 * @param now - milliseconds since the epoch
 */
export function planSuppressions(
  wishes: readonly PlannedWish[],
  before: ReadonlyMap<string, Like>,
  now: number,
): SuppressionPlan {
  const writes = new Map<string, PlannedWrite>();
  const outcomes = wishes.map(({ key, expiresAt }, wish): PlannedOutcome => {
    const write = writes.get(key);
    const like = write ?? inForce(before.get(key), now);
    if (like !== undefined && !outlasts(expiresAt, like.expiresAt)) return 'known';
    if (write !== undefined) write.expiresAt = expiresAt;
    else writes.set(key, { key, wish, kind: like === undefined ? 'make' : 'extend', expiresAt });
    return like === undefined ? 'made' : 'extended';
  });
  return { outcomes, writes: [...writes.values()] };
}

/** Whether one that ends at a moment ends later than another; null: never. */
export function outlasts(expiresAt: number | null, other: number | null): boolean {
  return other !== null && (expiresAt === null || expiresAt > other);
}

function inForce(like: Like | undefined, now: number): Like | undefined {
  return like === undefined || (like.expiresAt !== null && like.expiresAt <= now) ? undefined : like;
}
