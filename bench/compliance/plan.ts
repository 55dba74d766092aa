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
  /** Before the kills, when decisions are timed: how long, and how much a second. */
  ratedSeconds: number;
  perSecond: number;
  /** Kills go on for so long, and the load until there are enough operations, for so much longer at most. */
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
  ratedSeconds: 5,
  perSecond: 500,
  killSeconds: 14,
  atMostSeconds: 20,
  gapMs: [800, 1_600],
  downMs: [200, 800],
};

export const FULL: CompliancePlan = {
  operations: 50_000,
  subscribers: 500,
  actors: 3,
  atOnce: 8,
  callers: { senders: 4, changers: 2 },
  ratedSeconds: 20,
  perSecond: 500,
  killSeconds: 120,
  atMostSeconds: 600,
  gapMs: [1_500, 4_000],
  downMs: [300, 3_000],
};
