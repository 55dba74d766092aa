import type { JobEnd } from './adaptive-limit';
import { AdaptivePool, type Place, type Turn } from './adaptive-pool';

let now: number;
let pool: AdaptivePool;
const TOTAL = 100;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  now = 0;
  pool = new AdaptivePool({ total: TOTAL, mostPerKey: 64, maxWaitMs: 5_000, now: () => now });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A job that ends when it is told to. */
class Job {
  began = false;
  evicted = false;
  #end: (end: JobEnd | undefined) => void = () => {};
  #askedAt = 0;

  readonly work = {
    run: ({ ask }: Turn) => {
      this.began = true;
      this.#askedAt = now;
      ask();
      return new Promise<JobEnd | undefined>((resolve) => {
        this.#end = resolve;
      });
    },
    evicted: () => {
      this.evicted = true;
    },
  };

  async end(kind: JobEnd['kind'] = 'ok'): Promise<void> {
    this.#end({ kind, durationMs: now - this.#askedAt });
    await jest.advanceTimersByTimeAsync(0);
  }
}

const place = (key: string, group = 'tenant'): Place => ({ group, key });

function add(where: Place, count = 1): Job[] {
  return Array.from({ length: count }, () => {
    const job = new Job();
    if (!pool.add(where, job.work)) job.evicted = true;
    return job;
  });
}

const began = (jobs: readonly Job[]) => jobs.filter((job) => job.began);
const evicted = (jobs: readonly Job[]) => jobs.filter((job) => job.evicted);

/** Lets some turns of the event loop go by. */
async function turns(): Promise<void> {
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(ms: number): Promise<void> {
  for (const until = now + ms; now < until; ) {
    now += 250;
    await jest.advanceTimersByTimeAsync(250);
  }
}

/** Makes a key known as one that answers fast. */
async function prove(where: Place): Promise<void> {
  for (const job of add(where, 20)) {
    now += 5;
    await job.end();
  }
}

test('hanging keys hold two turns each, and what waits for them is handed back within two seconds', async () => {
  const hanging = Array.from({ length: 8 }, (_, n) => add(place(`hang${n}`), 70)).flat();
  expect(began(hanging)).toHaveLength(16);
  await pass(2_000);
  expect(evicted(hanging)).toHaveLength(8 * 68);
  expect(pool.waiting).toBe(0);
  const [healthy] = add(place('healthy', 'another'));
  expect(healthy?.began).toBe(true);
});

test('further jobs for a key that hangs are refused at once', async () => {
  add(place('hang'), 2);
  await pass(1_500);
  expect(pool.add(place('hang'), new Job().work)).toBe(false);
});

test('a share of the turns is kept for keys that answer fast, however many hang', async () => {
  await prove(place('fast', 'good'));
  for (let n = 0; n < 200; n++) add(place(`hang${n}`, `tenant${n % 10}`), 2);
  await turns();
  expect(pool.running).toBe(75);
  const fast = add(place('fast', 'good'), 8);
  await turns();
  expect(began(fast)).toHaveLength(8);
});

test('many jobs do not begin in one turn of the event loop', async () => {
  for (let n = 0; n < 50; n++) add(place(`key${n}`, `tenant${n}`));
  expect(pool.running).toBe(32);
  await turns();
  expect(pool.running).toBe(50);
});

test('one group does not take all turns of the keys that nothing is known of', async () => {
  for (let n = 0; n < 200; n++) add(place(`hang${n}`, 'bad'), 2);
  await turns();
  expect(pool.running).toBe(37);
  const others = add(place('new', 'good'), 2);
  await turns();
  expect(began(others)).toHaveLength(2);
});

test('groups take turns, and so do the keys of a group', async () => {
  const small = new AdaptivePool({ total: 1, mostPerKey: 64, maxWaitMs: 5_000, now: () => now });
  const order: string[] = [];
  const job = (name: string) => ({
    run: async ({ ask }: Turn) => {
      ask();
      order.push(name);
      await Promise.resolve();
      // Not fast: those go first.
      return { kind: 'ok', durationMs: 2_000 } as const;
    },
    evicted: () => {},
  });
  for (const name of ['a1', 'a1', 'a1', 'a2', 'a2']) small.add(place(name, 'a'), job(name));
  for (const name of ['b1', 'b1']) small.add(place(name, 'b'), job(name));
  await small.drain();
  // The first was begun, and its key queued again, before the others came.
  expect(order.join(' ')).toBe('a1 a1 b1 a2 b1 a1 a2');
});

test('what waited too long is handed back, also for a key that is not known to hang', async () => {
  const busy = new AdaptivePool({ total: 1, mostPerKey: 64, maxWaitMs: 1_000, now: () => now });
  const holder = new Job();
  busy.add(place('one'), holder.work);
  const waiter = new Job();
  busy.add(place('two'), waiter.work);
  for (let n = 0; n < 5; n++) {
    now += 250;
    await jest.advanceTimersByTimeAsync(250);
  }
  expect(waiter.evicted).toBe(true);
});

test('a job that somebody insists on begins although its key hangs', async () => {
  add(place('hang'), 2);
  await pass(1_500);
  const job = new Job();
  pool.insist(place('hang'), job.work);
  expect(job.began).toBe(true);
});

test('a busy event loop is not taken for a receiver that hangs', () => {
  const jobs = add(place('one'), 3);
  expect(began(jobs)).toHaveLength(2);
  // Nothing ran meanwhile: no timer, and no answer was read.
  now += 3_000;
  expect(pool.add(place('one'), new Job().work)).toBe(true);
  pool.look();
  expect(evicted(jobs)).toHaveLength(0);
});

test('it is drained when nothing runs or waits', async () => {
  let drained = false;
  const jobs = add(place('one'), 3);
  void pool.drain().then(() => {
    drained = true;
  });
  for (const job of jobs) {
    expect(drained).toBe(false);
    await job.end();
  }
  expect(drained).toBe(true);
  await pool.drain();
});

/** Jobs that say when they begin, and end by themselves. */
function ranked(order: string[], name: string, rank: number) {
  return {
    rank,
    run: async ({ ask }: Turn) => {
      ask();
      order.push(name);
      await Promise.resolve();
      return { kind: 'ok', durationMs: 2_000 } as const;
    },
    evicted: () => {},
  };
}

test('the urgent jobs of a key begin first, and every sixteenth turn is for its least urgent ones', async () => {
  const small = new AdaptivePool({ total: 1, mostPerKey: 1, maxWaitMs: 5_000, now: () => now });
  const order: string[] = [];
  const holder = new Job();
  small.add(place('one'), holder.work);
  for (let n = 0; n < 20; n++) small.add(place('one'), ranked(order, 'bulk', 2));
  for (let n = 0; n < 40; n++) small.add(place('one'), ranked(order, 'urgent', 0));
  await holder.end();
  await small.drain();
  expect(order.slice(0, 15)).toEqual(Array(15).fill('urgent'));
  expect(order.slice(0, 34).filter((name) => name === 'bulk')).toHaveLength(2);
  expect(order).toHaveLength(60);
});

test('urgent jobs of one key go before less urgent ones of others, which get their share', async () => {
  const small = new AdaptivePool({ total: 1, mostPerKey: 1, maxWaitMs: 5_000, now: () => now });
  const order: string[] = [];
  const holder = new Job();
  small.add(place('held'), holder.work);
  for (let n = 0; n < 20; n++) small.add(place(`bulk${n}`), ranked(order, 'bulk', 2));
  for (let n = 0; n < 40; n++) small.add(place(`urgent${n}`), ranked(order, 'urgent', 0));
  await holder.end();
  await small.drain();
  expect(order.slice(0, 15)).toEqual(Array(15).fill('urgent'));
  expect(order.slice(0, 34).filter((name) => name === 'bulk')).toHaveLength(2);
  expect(order).toHaveLength(60);
});

test('the least urgent jobs leave a quarter of all turns free', async () => {
  const bulk = Array.from({ length: 150 }, () => new Job());
  for (const [n, { work }] of bulk.entries()) {
    const where = place(`key${n}`, `tenant${n}`);
    await prove(where);
    pool.add(where, { ...work, rank: 2 });
  }
  await turns();
  expect(began(bulk)).toHaveLength(75);
  await prove(place('fast'));
  const urgent = new Job();
  pool.add(place('fast'), { ...urgent.work, rank: 0 });
  expect(urgent.began).toBe(true);
});
