import { healthyFigures } from './figures';

const UNTIL = 100_000;
const MESSAGES = 100;

/** Messages every 10 ms, each accepted after 2 ms; `receivedAfter` says how long after its 202 each came in. */
function evidence(receivedAfter: (sequence: number) => number | undefined) {
  const sequences = Array.from({ length: MESSAGES }, (_, sequence) => sequence);
  const scheduledAt = sequences.map((sequence) => 1_000 + sequence * 10);
  const acceptedAt = scheduledAt.map((at) => at + 2);
  const firstAt = sequences.map((sequence) => {
    const after = receivedAfter(sequence);
    return after === undefined ? 0 : (acceptedAt[sequence] ?? 0) + after;
  });
  return {
    log: {
      scheduledAt,
      sentAt: scheduledAt,
      acceptedAt,
      ids: sequences.map((sequence) => `msg_${sequence}`),
      accepted: MESSAGES,
      refused: new Map<number, number>(),
    },
    arrivals: { firstAt, times: firstAt.map((at): number => (at > 0 ? 1 : 0)), ids: [] as string[] },
    refusals: { firstAt: [] as number[], times: [] as number[], ids: [] as string[] },
    due: new Map<number, number>(),
    latestRetryMs: 2_400,
    until: UNTIL,
  };
}

describe('figures of the healthy load', () => {
  it('are from the 202 to the receiver, and from when a message was due', () => {
    const figures = healthyFigures(evidence((sequence) => sequence));
    expect(figures).toMatchObject({
      healthyP50Ms: 49,
      healthyP95Ms: 94,
      endToEndP95Ms: 96,
      acceptP95Ms: 2,
      missing: 0,
    });
  });

  it('count what came in before its 202 as 0', () => {
    expect(healthyFigures(evidence(() => -1)).healthyP99Ms).toBe(0);
  });

  it('count what is missing with the time it has been missing', () => {
    const figures = healthyFigures(evidence((sequence) => (sequence < 10 ? undefined : 5)));
    expect(figures.missing).toBe(10);
    expect(figures.healthyP50Ms).toBe(5);
    expect(figures.healthyP95Ms).toBeGreaterThan(UNTIL - 2_000);
  });

  it('take the refused first attempt as the arrival, and the other as its retry', () => {
    const sent = evidence((sequence) => (sequence === 40 ? 2_130 : 3));
    sent.refusals.firstAt[40] = (sent.log.acceptedAt[40] ?? 0) + 4;
    sent.due.set(40, (sent.log.acceptedAt[40] ?? 0) + 2_100);
    expect(healthyFigures(sent)).toMatchObject({
      healthyP99Ms: 3,
      failedFirst: 1,
      retriesSeen: 1,
      retryDelayP99Ms: 30,
      retryWaitP99Ms: 2_126,
    });
  });

  it('count from the latest moment of the schedule where the due time was not seen', () => {
    const sent = evidence((sequence) => (sequence === 40 ? 3_004 : 3));
    sent.refusals.firstAt[40] = (sent.log.acceptedAt[40] ?? 0) + 4;
    expect(healthyFigures(sent)).toMatchObject({ failedFirst: 1, retriesSeen: 0, retryDelayP99Ms: 600 });
  });

  it('count a retry that never came as late until the end', () => {
    const sent = evidence((sequence) => (sequence === 40 ? undefined : 3));
    sent.refusals.firstAt[40] = 2_000;
    sent.due.set(40, 4_000);
    expect(healthyFigures(sent)).toMatchObject({ missing: 1, retryDelayP99Ms: UNTIL - 4_000 });
  });

  it('have no delay of retries where none failed', () => {
    expect(healthyFigures(evidence(() => 1))).toMatchObject({ failedFirst: 0, retryDelayP99Ms: null });
  });

  it('count arrivals beyond the first', () => {
    const sent = evidence(() => 1);
    sent.arrivals.times[3] = 3;
    expect(healthyFigures(sent).duplicates).toBe(2);
  });
});
