/** What an actor is told, in `BENCH_ACTOR`. */
export interface ActorSettings {
  tenantId: string;
  subscribers: readonly string[];
  /** What is under way at most. */
  atOnce: number;
  /** 0: as many as there may be under way. */
  perSecond: number;
  /** How much of what is done are changes, from 0 to 1. */
  changesShare: number;
  /** Sends to accept before it is ready. */
  prepared: number;
}

/** The category that everything is about. */
export const CATEGORY = 'news';
/** The category that nobody has asked for, so that all are denied it. */
export const UNWANTED = 'offers';
/** How many of the changes are opt-ins: somebody is opted out about as often as not. */
export const OPT_INS_SHARE = 0.45;

/** What an actor says, one line of JSON each. */
export type Told =
  | { asked: string; subscriberId: string; wanted: boolean }
  | { answered: string; version: number; at: number }
  /** Its connections are open and used to the work. */
  | { ready: true }
  /** At its end: milliseconds of each of its decisions, and in how many seconds they were. */
  | { decisions: number[]; seconds: number };
