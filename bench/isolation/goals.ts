import { median, round } from '../kit/statistics';

/** What the goals are judged by, of one phase. */
export interface JudgedPhase {
  healthyP95Ms: number;
  retryDelayP99Ms: number | null;
  commandSeconds: { retry: number[]; cancel: number[] };
  /** Running workflows that have deliveries of a dead endpoint, and how many such endpoints there are. */
  troubleWorkflows: number | null;
  deadEndpoints: number;
}

export interface GoalsInput {
  phases: Readonly<Record<string, JudgedPhase>>;
  /** Undefined where a settlement took too long. */
  settlementAloneSeconds: number | undefined;
  settlementSeconds: number | undefined;
  lost: number;
}

/** Whether a goal is met, the figure that is furthest from it, and where that was. */
export interface Goal {
  met: boolean;
  figure: number | null;
  limit: string;
  at?: string;
}

const REFERENCE = 'alone';
/** Phases in which the processors have little to do, and those in which they are busy with the trouble itself. */
const CALM = ['a10', 'a100', 'a1000', 'b', 'c'];
const BUSY = ['d', 'e'];
const CALM_RATIO = 1.5;
const CALM_P95_MS = 20;
const BUSY_P95_MS = 250;
const TIMES_ALONE = 2;
const RETRY_DELAY_MS = 1_000;
/** Constant, whatever the endpoint's backlog: at a thousand messages a second it would soon be more. */
const WORKFLOWS_A_DEAD_ENDPOINT = 10;

/** Compares a run with its goals. A phase that was not run, or a figure that is missing, does not meet them. */
export function judgeGoals(input: GoalsInput): Record<string, Goal> {
  const { phases, settlementAloneSeconds, settlementSeconds, lost } = input;
  const alone = phases[REFERENCE];
  const settlementRatio = ratio(settlementSeconds, settlementAloneSeconds);
  return {
    calmP95: worst(CALM, `ratio to alone <= ${CALM_RATIO}, or P95 <= ${CALM_P95_MS} ms`, (name) => {
      const p95 = phases[name]?.healthyP95Ms;
      const times = ratio(p95, alone?.healthyP95Ms);
      return { figure: p95, met: p95 !== undefined && (p95 <= CALM_P95_MS || (times ?? Infinity) <= CALM_RATIO) };
    }),
    busyP95: worst(BUSY, `P95 <= ${BUSY_P95_MS} ms`, (name) => atMost(phases[name]?.healthyP95Ms, BUSY_P95_MS)),
    retryDelayP99: worst(others(phases), `<= ${RETRY_DELAY_MS} ms`, (name) =>
      atMost(phases[name]?.retryDelayP99Ms ?? undefined, RETRY_DELAY_MS),
    ),
    retryCommand: worst(others(phases), `median <= ${TIMES_ALONE} times alone`, (name) =>
      atMost(ratio(middle(phases[name]?.commandSeconds.retry), middle(alone?.commandSeconds.retry)), TIMES_ALONE),
    ),
    cancelCommand: worst(others(phases), `median <= ${TIMES_ALONE} times alone`, (name) =>
      atMost(ratio(middle(phases[name]?.commandSeconds.cancel), middle(alone?.commandSeconds.cancel)), TIMES_ALONE),
    ),
    settlement: { ...verdict(atMost(settlementRatio, TIMES_ALONE)), limit: `<= ${TIMES_ALONE} times alone` },
    workflows: worst(deadPhases(phases), `<= ${WORKFLOWS_A_DEAD_ENDPOINT} for each dead endpoint`, (name) => {
      const phase = phases[name];
      const each = ratio(phase?.troubleWorkflows ?? undefined, phase?.deadEndpoints);
      return atMost(each, WORKFLOWS_A_DEAD_ENDPOINT);
    }),
    lost: { met: lost === 0, figure: lost, limit: '0' },
  };
}

interface Judged {
  figure: number | undefined;
  met: boolean;
}

function atMost(figure: number | undefined, limit: number): Judged {
  return { figure, met: figure !== undefined && figure <= limit };
}

/** The phase with the largest figure decides; one without a figure is worse than any. */
function worst(names: readonly string[], limit: string, judge: (name: string) => Judged): Goal {
  const judged = names.map((name) => ({ name, ...judge(name) }));
  const size = ({ figure = Infinity }: Judged) => figure;
  const failed = judged.filter(({ met }) => !met);
  const [first] = (failed.length > 0 ? failed : judged).sort((one, other) => size(other) - size(one));
  if (first === undefined) return { met: false, figure: null, limit };
  return { ...verdict(first), limit, at: first.name };
}

function verdict({ met, figure }: Judged): Pick<Goal, 'met' | 'figure'> {
  return { met, figure: figure === undefined ? null : round(figure) };
}

function others(phases: GoalsInput['phases']): string[] {
  return Object.keys(phases).filter((name) => !name.startsWith(REFERENCE));
}

function deadPhases(phases: GoalsInput['phases']): string[] {
  return Object.keys(phases).filter((name) => (phases[name]?.deadEndpoints ?? 0) > 0);
}

function middle(values: readonly number[] | undefined): number | undefined {
  return values === undefined || values.length === 0 ? undefined : median(values);
}

function ratio(figure: number | undefined, reference: number | undefined): number | undefined {
  return figure === undefined || reference === undefined || reference === 0 ? undefined : figure / reference;
}
