/** How long each part of a run takes. Times in milliseconds unless they say otherwise. */
export interface Plan {
  /** Seconds of load a phase. */
  seconds: number;
  /** How long to wait for answers and for healthy webhooks after the load of a phase. */
  answersWithinMs: number;
  drainWithinMs: number;
  /** Between the phases, after the trouble's endpoints are deleted. */
  restMs: number;
  /** How long to wait at the end for what is still missing, before it is followed up in the database. */
  stragglersWithinMs: number;
  /** How long a settlement may take. */
  settlementWithinMs: number;
  /** How long deleting the trouble's endpoints may take. */
  deleteWithinMs: number;
  /** Retries and cancellations measured a phase, of each. */
  commands: number;
  /** How often the fan-out is published. */
  fanOuts: number;
}

export const FULL: Plan = {
  seconds: 60,
  answersWithinMs: 15_000,
  drainWithinMs: 30_000,
  // Longer than an attempt under way at a hanging endpoint takes.
  restMs: 17_000,
  stragglersWithinMs: 120_000,
  settlementWithinMs: 300_000,
  deleteWithinMs: 60_000,
  commands: 10,
  fanOuts: 10,
};

export const QUICK: Plan = {
  seconds: 5,
  answersWithinMs: 1_500,
  drainWithinMs: 3_000,
  restMs: 500,
  stragglersWithinMs: 10_000,
  settlementWithinMs: 20_000,
  deleteWithinMs: 3_000,
  commands: 3,
  // Ten of them in five seconds would be more deliveries than two cores make.
  fanOuts: 4,
};

/** The healthy tenant's load. */
export const HEALTHY = {
  endpoints: 20,
  perSecond: 100,
  /** Of its messages, one of so many is answered 500 at its first attempt: 5 %. */
  failEvery: 20,
  retry: { schedule: ['2s', '5s', '30s', '2m', '10m'] },
  /** The first retry's delay with all of its jitter, a fifth. */
  latestRetryMs: 2_400,
};

export const PAYLOAD_BYTES = 1_024;

/** What a phase has beside the healthy load. */
export type TroubleKind = 'hanging' | 'refusing' | 'dripping' | 'fanOut';

export interface TroubleSpec {
  kind: TroubleKind;
  endpoints: number;
  /** Messages a second to all of them together; the fan-out's follows from how often it is published. */
  perSecond?: number;
}

export interface PhaseSpec {
  name: string;
  trouble: readonly TroubleSpec[];
  /** Whether a settlement and card payments run beside it. */
  money: boolean;
}

export const HANGING_PER_SECOND = 100;
const hanging = (endpoints: number): TroubleSpec => ({ kind: 'hanging', endpoints, perSecond: HANGING_PER_SECOND });
const refusing: TroubleSpec = { kind: 'refusing', endpoints: 1, perSecond: 1_000 };
const dripping: TroubleSpec = { kind: 'dripping', endpoints: 1, perSecond: 50 };
const fanOut: TroubleSpec = { kind: 'fanOut', endpoints: 2_000 };

/** The phases in order. `aloneAgain` shows how far the machine, or what was left behind, has moved the reference. */
export const PHASES: readonly PhaseSpec[] = [
  { name: 'alone', trouble: [], money: false },
  { name: 'a10', trouble: [hanging(10)], money: false },
  { name: 'a100', trouble: [hanging(100)], money: false },
  { name: 'a1000', trouble: [hanging(1_000)], money: false },
  { name: 'b', trouble: [refusing], money: false },
  { name: 'c', trouble: [dripping], money: false },
  { name: 'd', trouble: [fanOut], money: false },
  { name: 'e', trouble: [hanging(1_000), refusing, dripping, fanOut], money: true },
  { name: 'aloneAgain', trouble: [], money: false },
];

/** Card payments a second in the phase that has them: a third of what two cores manage alone. */
export const PAYMENTS_PER_SECOND = 10;
export const SETTLED_TRANSACTIONS = 20_000;
export const SETTLED_MERCHANTS = 1_000;
