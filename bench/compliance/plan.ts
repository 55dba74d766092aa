/** What is done, and for how long. */
export interface CompliancePlan {
  /** Sends and answered changes there must be at least. */
  operations: number;
  subscribers: number;
  /** Processes that send and change, and what each has under way. */
  actors: number;
  atOnce: number;
  /** Requests to the API under way: notifications, and changes. */
  callers: { senders: number; changers: number };
  /** Before anything else, for each kind of check. */
  checkSeconds: number;
  /** Before the kills, when decisions are timed: how long, how much a second, and how much of it are changes. */
  ratedSeconds: number;
  perSecond: number;
  ratedChangesShare: number;
  /** How much of what processes do under kills are changes. */
  changesShare: number;
  /** Kills go on for so long, and afterwards the load until there are enough operations, for so long at most. */
  killSeconds: number;
  atMostSeconds: number;
  /** Between kills, and from a kill until the restart, in milliseconds. */
  gapMs: readonly [number, number];
  downMs: readonly [number, number];
}

export const QUICK: CompliancePlan = {
  operations: 5_000,
  subscribers: 200,
  actors: 2,
  atOnce: 8,
  callers: { senders: 2, changers: 1 },
  checkSeconds: 2,
  ratedSeconds: 5,
  perSecond: 500,
  ratedChangesShare: 0.05,
  changesShare: 0.2,
  killSeconds: 12,
  atMostSeconds: 30,
  gapMs: [800, 1_600],
  downMs: [200, 800],
};

export const FULL: CompliancePlan = {
  operations: 50_000,
  subscribers: 500,
  actors: 3,
  atOnce: 8,
  callers: { senders: 4, changers: 2 },
  checkSeconds: 10,
  ratedSeconds: 20,
  perSecond: 500,
  ratedChangesShare: 0.05,
  changesShare: 0.2,
  killSeconds: 120,
  atMostSeconds: 600,
  gapMs: [1_500, 4_000],
  downMs: [300, 3_000],
};
