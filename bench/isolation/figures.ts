import type { ArrivalsReport } from '../kit/arrivals';
import { percentile, round } from '../kit/statistics';
import type { SendLog } from '../webhooks/load';

/** What was sent to the healthy endpoints in a phase, and what became of it. Moments are on the run's clock. */
export interface HealthyEvidence {
  log: SendLog;
  /** What the receiver took, and what it answered 500 the first time. */
  arrivals: ArrivalsReport;
  refusals: ArrivalsReport;
  /** When the retries of those were due, by sequence number. */
  due: ReadonlyMap<number, number>;
  /** How long after a failed first attempt its retry is due at the latest; counts where the due time was not seen. */
  latestRetryMs: number;
  /** When the receiver was asked: what has not come in has waited at least until then. */
  until: number;
}

/** Milliseconds. */
export interface HealthyFigures {
  /** From the 202 at the publisher to the webhook's last byte at the receiver; 0 if that was earlier. */
  healthyP50Ms: number;
  healthyP95Ms: number;
  healthyP99Ms: number;
  /** From the moment a message was due to be sent until its 202, and until the receiver had it. */
  acceptP95Ms: number;
  endToEndP95Ms: number;
  /**
   * Of failed first attempts, from the moment the retry was due until the receiver had it; where that moment was not seen,
   * from the latest that the schedule allows.
   */
  retryDelayP99Ms: number | null;
  /** Of the same, from the first attempt to the second, both at the receiver. */
  retryWaitP99Ms: number | null;
  /** First attempts that failed, and those of them whose due time was seen. */
  failedFirst: number;
  retriesSeen: number;
  accepted: number;
  /** Not answered 202. */
  notAccepted: number;
  /** Accepted, and not at the receiver when it was asked. */
  missing: number;
  duplicates: number;
  /** How late the generator's own timer was. */
  generatorLagP99Ms: number;
}

/** The figures of a phase's healthy load. What is missing counts with the time it has been missing. */
export function healthyFigures({
  log,
  arrivals,
  refusals,
  due,
  latestRetryMs,
  until,
}: HealthyEvidence): HealthyFigures {
  const [received, accept, endToEnd, retryDelay, retryWait]: number[][] = [[], [], [], [], []];
  let [missing, failedFirst, retriesSeen] = [0, 0, 0];
  log.scheduledAt.forEach((scheduledAt, sequence) => {
    const acceptedAt = log.acceptedAt[sequence] ?? 0;
    if (acceptedAt === 0) return;
    const takenAt = arrivals.firstAt[sequence] || Number.POSITIVE_INFINITY;
    const refusedAt = refusals.firstAt[sequence] || Number.POSITIVE_INFINITY;
    const firstAt = Math.min(takenAt, refusedAt, until);
    received?.push(Math.max(0, firstAt - acceptedAt));
    accept?.push(acceptedAt - scheduledAt);
    endToEnd?.push(firstAt - scheduledAt);
    if (takenAt > until) missing++;
    if (refusedAt > until) return;
    failedFirst++;
    const retriedAt = Math.min(takenAt, until);
    retryWait?.push(retriedAt - refusedAt);
    const dueAt = due.get(sequence);
    if (dueAt !== undefined) retriesSeen++;
    retryDelay?.push(Math.max(0, retriedAt - (dueAt ?? refusedAt + latestRetryMs)));
  });
  const lags = log.sentAt.map((at, sequence) => at - (log.scheduledAt[sequence] ?? at));
  return {
    healthyP50Ms: share(received, 0.5) ?? 0,
    healthyP95Ms: share(received, 0.95) ?? 0,
    healthyP99Ms: share(received, 0.99) ?? 0,
    acceptP95Ms: share(accept, 0.95) ?? 0,
    endToEndP95Ms: share(endToEnd, 0.95) ?? 0,
    retryDelayP99Ms: share(retryDelay, 0.99),
    retryWaitP99Ms: share(retryWait, 0.99),
    failedFirst,
    retriesSeen,
    accepted: log.accepted,
    notAccepted: log.scheduledAt.length - log.accepted,
    missing,
    duplicates: arrivals.times.reduce((sum, times) => sum + Math.max(0, times - 1), 0),
    generatorLagP99Ms: share(lags, 0.99) ?? 0,
  };
}

function share(values: readonly number[] | undefined, part: number): number | null {
  return values === undefined || values.length === 0 ? null : round(percentile(values, part), 1);
}
