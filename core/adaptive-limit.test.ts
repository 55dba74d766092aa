import fc from 'fast-check';
import { AdaptiveLimit, type JobEnd, type Ticket } from './adaptive-limit';

/** A target and its limit on a clock of its own. */
class Trial {
  now = 0;
  readonly limit: AdaptiveLimit;

  constructor(most = 128) {
    this.limit = new AdaptiveLimit(most);
  }

  begin(): Ticket {
    const ticket = this.limit.begin(this.now);
    ticket.askedAt = this.now;
    return ticket;
  }

  /** Begins as many jobs as there is room for. */
  fill(): Ticket[] {
    return Array.from({ length: this.limit.room(this.now) }, () => this.begin());
  }

  end(tickets: readonly Ticket[], kind: JobEnd['kind'], afterMs: number): void {
    this.now += afterMs;
    for (const ticket of tickets) {
      this.limit.end(ticket, { kind, durationMs: this.now - (ticket.askedAt ?? this.now) }, this.now);
    }
  }

  /** Rounds of all there is room for, each answered well. */
  answers(rounds: number, ms: number): void {
    for (let round = 0; round < rounds; round++) this.end(this.fill(), 'ok', ms);
  }
}

test('an unknown target gets two jobs, and twice as many after each round that it answers', () => {
  const trial = new Trial();
  const rooms: number[] = [];
  for (let round = 0; round < 8; round++) {
    rooms.push(trial.limit.room(trial.now));
    trial.answers(1, 5);
  }
  expect(rooms).toEqual([2, 4, 8, 16, 32, 64, 128, 128]);
});

test('it does not grow while not all of it is used', () => {
  const trial = new Trial();
  for (let n = 0; n < 100; n++) trial.end([trial.begin()], 'ok', 5);
  expect(trial.limit.limit).toBe(2);
});

test('a target that never answers keeps its first two jobs, and then one at a time', () => {
  const trial = new Trial();
  const first = trial.fill();
  expect(first).toHaveLength(2);
  trial.now += 1_001;
  expect(trial.limit.strained(trial.now)).toBe(true);
  trial.end(first, 'timeout', 15_000);
  let jobs = 0;
  for (let seconds = 0; seconds < 300; seconds += 15) {
    const begun = trial.fill();
    expect(begun.length).toBeLessThanOrEqual(1);
    jobs += begun.length;
    trial.end(begun, 'timeout', 15_000);
    expect(trial.limit.strained(trial.now)).toBe(true);
  }
  expect(jobs).toBeGreaterThan(3);
});

test('when a busy target stops answering, nothing more is begun after a second', () => {
  const trial = new Trial();
  trial.answers(6, 10);
  trial.fill().slice(0, 3);
  trial.now += 900;
  expect(trial.limit.strained(trial.now)).toBe(false);
  trial.now += 200;
  expect(trial.limit.strained(trial.now)).toBe(true);
  expect(trial.limit.room(trial.now)).toBe(0);
});

test('a slow target is not taken for a dead one: four times its usual time is', () => {
  const trial = new Trial();
  trial.answers(3, 1_000);
  trial.begin();
  trial.now += 3_900;
  expect(trial.limit.strained(trial.now)).toBe(false);
  trial.now += 200;
  expect(trial.limit.strained(trial.now)).toBe(true);
});

test('one timeout among answers shrinks it a little, once for all jobs of that time', () => {
  const trial = new Trial();
  trial.answers(6, 10);
  const before = trial.limit.limit;
  const late = [trial.begin(), trial.begin(), trial.begin()];
  trial.now += 5;
  trial.end([trial.begin()], 'ok', 10);
  trial.end(late, 'timeout', 15_000);
  expect(trial.limit.limit).toBe(Math.floor(before * 0.7));
  expect(trial.limit.strained(trial.now)).toBe(false);
});

test('a target that asks for less gets half', () => {
  const trial = new Trial();
  trial.answers(6, 10);
  const before = trial.limit.limit;
  trial.end(trial.fill(), 'pushback', 10);
  expect(trial.limit.limit).toBe(before / 2);
});

test('after a collapse the first answer lets it grow fast to half of what was too much, then slowly', () => {
  const trial = new Trial();
  trial.answers(5, 10);
  expect(trial.limit.limit).toBe(64);
  trial.end(trial.fill(), 'timeout', 15_000);
  expect(trial.limit.limit).toBe(1);
  trial.answers(5, 10);
  expect(trial.limit.limit).toBe(32);
  trial.answers(3, 10);
  expect(trial.limit.limit).toBeGreaterThan(32);
  expect(trial.limit.limit).toBeLessThan(36);
});

test('a target that gets slower the more it has is not given more and more', () => {
  const trial = new Trial();
  // One that does its work one after the other, 50 ms each.
  for (let round = 0; round < 200; round++) {
    const tickets = trial.fill();
    for (const ticket of tickets) trial.end([ticket], 'ok', 50);
  }
  expect(trial.limit.limit).toBeGreaterThan(2);
  expect(trial.limit.limit).toBeLessThan(20);
});

describe('a target that only refuses', () => {
  /** Attempts as fast as they are allowed, each refused at once. */
  function refusals(trial: Trial, ms: number): number {
    let count = 0;
    for (const until = trial.now + ms; trial.now < until; trial.now++) {
      if (trial.limit.room(trial.now) === 0) continue;
      trial.end([trial.begin()], 'failed', 0);
      count++;
    }
    return count;
  }

  test('is asked ever more rarely, but at least ten times a minute', () => {
    const trial = new Trial();
    expect(refusals(trial, 1_000)).toBe(1_000);
    const minutes = Array.from({ length: 10 }, () => refusals(trial, 60_000));
    expect(minutes[0]).toBeLessThan(300);
    for (const count of minutes) expect(count).toBeGreaterThanOrEqual(9);
    expect(minutes.at(-1)).toBeLessThanOrEqual(11);
  });

  test('goes on at full speed after its first success', () => {
    const trial = new Trial();
    refusals(trial, 30_000);
    trial.limit.forgive();
    trial.end([trial.begin()], 'ok', 5);
    expect(trial.limit.strained(trial.now)).toBe(false);
    expect(trial.limit.room(trial.now)).toBeGreaterThanOrEqual(2);
  });

  test('does not pause for a handful of failures', () => {
    const trial = new Trial();
    for (let n = 0; n < 9; n++) trial.end([trial.begin()], 'failed', 60_000);
    expect(trial.limit.strained(trial.now)).toBe(false);
    expect(trial.limit.room(trial.now)).toBe(2);
  });
});

test('a job that never asked its target counts for nothing', () => {
  const trial = new Trial();
  const ticket = trial.limit.begin(0);
  trial.limit.end(ticket, undefined, 60_000);
  expect(trial.limit.room(60_000)).toBe(2);
  expect(trial.limit.failures).toBe(0);
});

test('whatever happens, the limit stays within its bounds and running jobs are counted right', () => {
  const step = fc.record({
    begin: fc.boolean(),
    kind: fc.constantFrom('ok', 'failed', 'pushback', 'timeout'),
    ms: fc.integer({ min: 0, max: 20_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 64 }), (steps, most) => {
      const trial = new Trial(most);
      const running: Ticket[] = [];
      for (const { begin, kind, ms } of steps) {
        trial.now += ms;
        if (begin && trial.limit.room(trial.now) > 0) running.push(trial.begin());
        else trial.end(running.splice(0, 1), kind as JobEnd['kind'], 0);
        expect(trial.limit.limit).toBeGreaterThanOrEqual(1);
        expect(trial.limit.limit).toBeLessThanOrEqual(most);
        expect(trial.limit.running).toBe(running.length);
        expect(trial.limit.room(trial.now)).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
