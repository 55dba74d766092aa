/** Whose turn it is among ranks, which are numbers from 0, the most urgent. */
export interface SharedTurns {
  /** The ranks in the order in which they are to be asked for the next turn. */
  order(): readonly number[];
  /** Tells which rank has had the turn. @param waits - whether another rank has something, which was passed over */
  took(rank: number, waits: (rank: number) => boolean): void;
}

/**
 * How often in a row a rank is passed over before it goes first, of three ranks. So while all have something, the second
 * gets one turn of four and the third one of sixteen.
 */
export const RANK_PATIENCE: readonly number[] = [Number.POSITIVE_INFINITY, 3, 15];

/**
 * Shares turns among ranks: the most urgent that has something goes first, but none waits for ever. One that has been passed
 * over as often as its patience says goes before the others.
 *
 * @param patience - of each rank, the most urgent first
 */
export function createSharedTurns(patience: readonly number[] = RANK_PATIENCE): SharedTurns {
  const usual = patience.map((_, rank) => rank);
  const passedOver = patience.map(() => 0);
  const lateness = (rank: number) => (passedOver[rank] ?? 0) - (patience[rank] ?? 0);
  return {
    order() {
      if (!usual.some((rank) => lateness(rank) >= 0)) return usual;
      return [...usual].sort((a, b) => Math.max(lateness(b), -1) - Math.max(lateness(a), -1) || a - b);
    },
    took(rank, waits) {
      for (const other of usual) {
        passedOver[other] = other === rank || !waits(other) ? 0 : (passedOver[other] ?? 0) + 1;
      }
    },
  };
}
