import { recoveredAfterMs } from './recovery';

const PER_SECOND = 10;
const sent = { beganAt: 1_000, perSecond: PER_SECOND };

/** Messages every 100 ms; `delay` says how long each took, undefined for never. */
function run(messages: number, delay: (sequence: number) => number | undefined) {
  const sequences = Array.from({ length: messages }, (_, sequence) => sequence);
  const at = (sequence: number) => 1_000 + sequence * 100 + (delay(sequence) ?? 0);
  const happened = sequences.filter((sequence) => delay(sequence) !== undefined);
  return {
    acknowledged: happened.map((sequence) => ({
      sequence,
      scheduledAt: 1_000 + sequence * 100,
      acknowledgedAt: at(sequence),
      messageId: `msg_${sequence}`,
      deliveryIds: [],
    })),
    arrivals: {
      firstAt: sequences.map((sequence) => (delay(sequence) === undefined ? 0 : at(sequence))),
      times: sequences.map(() => 1),
      ids: sequences.map((sequence) => `msg_${sequence}`),
    },
  };
}

describe('recovery', () => {
  it('is at once when nothing was held up', () => {
    const { acknowledged, arrivals } = run(50, () => 5);
    expect(recoveredAfterMs({ from: 2_000, until: 6_000, sent, acknowledged, arrivals })).toBe(0);
  });

  it('begins with the first second of messages that are all soon received', () => {
    // From the 10th to the 30th message everything waits for 3 s and longer.
    const { acknowledged, arrivals } = run(60, (sequence) => (sequence >= 10 && sequence < 30 ? 3_000 : 5));
    expect(recoveredAfterMs({ from: 2_000, until: 7_000, sent, acknowledged, arrivals })).toBe(2_000);
  });

  it('has not happened when messages never came in', () => {
    const { acknowledged, arrivals } = run(60, (sequence) => (sequence % 2 === 0 ? undefined : 5));
    expect(recoveredAfterMs({ from: 2_000, until: 7_000, sent, acknowledged, arrivals })).toBeUndefined();
  });

  it('needs a whole second of load', () => {
    const { acknowledged, arrivals } = run(15, () => 5);
    expect(recoveredAfterMs({ from: 2_000, until: 2_500, sent, acknowledged, arrivals })).toBeUndefined();
  });
});
