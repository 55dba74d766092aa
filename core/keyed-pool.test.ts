import fc from 'fast-check';
import { KeyedPool, type KeyedPoolOptions } from './keyed-pool';

interface Job {
  key: string;
  number: number;
  end(): void;
}

/** A pool whose jobs end when the test says so. */
function createJobs(options: Partial<KeyedPoolOptions> = {}) {
  const pool = new KeyedPool({ total: 4, perKey: 2, maxWaitingPerKey: 3, maxWaiting: 6, ...options });
  const running: Job[] = [];
  let number = 0;
  const job = (key: string) => {
    const own = number++;
    return () =>
      new Promise<void>((resolve) => {
        const entry: Job = {
          key,
          number: own,
          end: () => {
            running.splice(running.indexOf(entry), 1);
            resolve();
          },
        };
        running.push(entry);
      });
  };
  return {
    pool,
    running,
    tryRun: (key: string) => pool.tryRun(key, job(key)),
    run: (key: string) => pool.run(key, job(key)),
    keys: () => running.map((entry) => entry.key).join(''),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('jobs run at once while there is room, for their key and in all', () => {
  const { tryRun, keys, pool } = createJobs();
  for (const key of ['a', 'a', 'a', 'b', 'c', 'd']) expect(tryRun(key)).toBe(true);
  expect(keys()).toBe('aabc');
  expect([pool.running, pool.waiting]).toEqual([4, 2]);
});

test('a stuck key holds nobody else', async () => {
  const { tryRun, running, pool } = createJobs({ maxWaitingPerKey: 100, maxWaiting: 1_000 });
  for (let n = 0; n < 50; n++) tryRun('stuck');
  for (let n = 0; n < 50; n++) tryRun(`k${n}`);
  const order: string[] = [];
  for (let other = running.find(({ key }) => key !== 'stuck'); other !== undefined; ) {
    order.push(other.key);
    other.end();
    await turn();
    other = running.find(({ key }) => key !== 'stuck');
  }
  expect(order).toEqual(Array.from({ length: 50 }, (_, n) => `k${n}`));
  expect([pool.running, pool.waiting]).toEqual([2, 48]);
});

test('keys that wait take turns', async () => {
  const { tryRun, running, keys } = createJobs({ total: 1, maxWaitingPerKey: 10, maxWaiting: 100 });
  for (const key of ['z', 'a', 'a', 'a', 'b', 'b', 'c']) tryRun(key);
  let order = '';
  while (running.length > 0) {
    order += keys();
    running[0]?.end();
    await turn();
  }
  expect(order).toBe('zabcaba');
});

test('a job is refused when too many wait for its key or in all, and taken again when there is room', async () => {
  const { tryRun, running, pool } = createJobs({ total: 2, perKey: 1, maxWaitingPerKey: 2, maxWaiting: 3 });
  expect(['a', 'a', 'a', 'a'].map(tryRun)).toEqual([true, true, true, false]);
  expect(['b', 'b', 'b'].map(tryRun)).toEqual([true, true, false]);
  expect(tryRun('c')).toBe(false);
  expect(pool.waiting).toBe(3);
  running.find(({ key }) => key === 'b')?.end();
  await turn();
  expect(tryRun('c')).toBe(true);
});

test('run waits however many are waiting, and answers with what its work came to', async () => {
  const { pool, run, running } = createJobs({ total: 1, perKey: 1, maxWaitingPerKey: 0, maxWaiting: 0 });
  const first = run('a');
  const answer = pool.run('a', async () => 42);
  const failure = pool.run('a', () => Promise.reject(new Error('no')));
  const caught = expect(failure).rejects.toThrow('no');
  running[0]?.end();
  await first;
  expect(await answer).toBe(42);
  await caught;
  await pool.drain();
});

test('whatever comes when: bounds hold, nobody who could run waits, jobs of a key keep their order', async () => {
  const options = fc.record({
    total: fc.integer({ min: 1, max: 6 }),
    perKey: fc.integer({ min: 1, max: 4 }),
    maxWaitingPerKey: fc.nat(4),
    maxWaiting: fc.nat(8),
  });
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom('try' as const, 'run' as const), key }),
    fc.record({ do: fc.constant('end' as const), which: fc.nat() }),
  );
  await fc.assert(
    fc.asyncProperty(options, fc.array(step, { maxLength: 60 }), async (limits, steps) => {
      const { pool, running, tryRun, run } = createJobs(limits);
      const started = new Map<string, number>();
      const count = (of: string) => running.filter((job) => job.key === of).length;
      const waiting: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 };
      const before = () => ({ running: pool.running, waiting: pool.waiting });
      for (const each of steps) {
        if (each.do === 'end') {
          running[each.which % Math.max(1, running.length)]?.end();
        } else {
          const { running: busy, waiting: queued } = before();
          const mustWait = count(each.key) >= limits.perKey || busy >= limits.total;
          const full = (waiting[each.key] ?? 0) >= limits.maxWaitingPerKey || queued >= limits.maxWaiting;
          const taken = each.do === 'try' ? tryRun(each.key) : run(each.key) !== undefined;
          expect(taken).toBe(each.do === 'run' || !mustWait || !full);
          if (taken) waiting[each.key] = (waiting[each.key] ?? 0) + 1;
        }
        await turn();
        for (const job of running) {
          if (started.get(job.key) !== undefined && job.number <= (started.get(job.key) ?? -1)) continue;
          waiting[job.key] = (waiting[job.key] ?? 0) - 1;
          started.set(job.key, job.number);
        }
        expect(pool.running).toBe(running.length);
        expect(running.length).toBeLessThanOrEqual(limits.total);
        for (const one of ['a', 'b', 'c', 'd']) {
          expect(count(one)).toBeLessThanOrEqual(limits.perKey);
          if (running.length < limits.total && count(one) < limits.perKey) expect(waiting[one]).toBe(0);
        }
        expect(pool.waiting).toBe(Object.values(waiting).reduce((sum, each) => sum + each, 0));
      }
      let drained = false;
      const drain = pool.drain().then(() => {
        drained = true;
      });
      while (running.length > 0) {
        await turn();
        expect(drained).toBe(false);
        running[0]?.end();
        await turn();
      }
      await drain;
      expect([pool.running, pool.waiting]).toEqual([0, 0]);
    }),
  );
});

test('an idle pool is drained', async () => {
  await createJobs().pool.drain();
});
