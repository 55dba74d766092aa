import { GroupCommit, type GroupCommitOptions } from '../../../core/group-commit';
import type { Lane } from '../rules/lane';

/** How one lane's messages are committed. */
interface LaneShare {
  /** Commits under way at once, in slots that no other lane uses: so each goes on whatever the others do. */
  inFlight: number;
  /** Messages, and characters of content, that may wait; what is over that is refused. */
  maxWaiting: number;
  maxWaitingSize: number;
}

/**
 * The usual lane has what all had before there were lanes. What is urgent shares its wait with nothing else, and bulk is the
 * first to be refused.
 */
export const LANE_SHARES: Record<Lane, LaneShare> = {
  urgent: { inFlight: 1, maxWaiting: 10_000, maxWaitingSize: 32_000_000 },
  normal: { inFlight: 2, maxWaiting: 20_000, maxWaitingSize: 64_000_000 },
  bulk: { inFlight: 1, maxWaiting: 10_000, maxWaitingSize: 32_000_000 },
};

/** The lanes in the order of their slots. */
const ORDER: readonly Lane[] = ['normal', 'urgent', 'bulk'];

/** The slots of all lanes are below this. */
export const LANE_SLOTS = ORDER.reduce((sum, lane) => sum + LANE_SHARES[lane].inFlight, 0);

/** A group commit for each lane. */
export interface LaneCommits<T, R> {
  of(lane: Lane): GroupCommit<T, R>;
  drain(): Promise<void>;
}

export interface LaneCommitOptions<T, R>
  extends Omit<GroupCommitOptions<T, R>, 'maxInFlight' | 'maxWaiting' | 'size' | 'commit'> {
  /** What an item takes of memory. */
  sizeOf(item: T): number;
  /** Writes a batch of one lane. @param slot - below {@link LANE_SLOTS}; two commits under way never have the same */
  commit(lane: Lane, items: readonly T[], slot: number): Promise<readonly R[]>;
}

/** Opens a group commit for each lane. */
export function createLaneCommits<T, R>({ sizeOf, commit, ...common }: LaneCommitOptions<T, R>): LaneCommits<T, R> {
  const byLane = new Map<Lane, GroupCommit<T, R>>();
  let firstSlot = 0;
  for (const lane of ORDER) {
    const { inFlight, maxWaiting, maxWaitingSize } = LANE_SHARES[lane];
    const first = firstSlot;
    firstSlot += inFlight;
    const commits = new GroupCommit<T, R>({
      ...common,
      maxInFlight: inFlight,
      maxWaiting,
      size: { of: sizeOf, maxWaiting: maxWaitingSize },
      commit: (items, slot) => commit(lane, items, first + slot),
    });
    byLane.set(lane, commits);
  }
  return {
    of(lane) {
      const commits = byLane.get(lane);
      if (commits === undefined) throw new Error(`there is no lane ${lane}`);
      return commits;
    },
    async drain() {
      await Promise.all([...byLane.values()].map((commits) => commits.drain()));
    },
  };
}
