import fc from 'fast-check';
import { GroupCommit, type GroupCommitOptions, Overloaded } from './group-commit';

interface OpenCommit {
  items: readonly number[];
  slot: number;
  /** Ends the commit with ten times each item, or with an error. */
  end(error?: unknown): void;
}

/** A group commit over numbers whose commits end when the test says so. */
function createCommits(options: Partial<GroupCommitOptions<number, number>> = {}) {
  const open: OpenCommit[] = [];
  const sizes: number[] = [];
  const commits = new GroupCommit<number, number>({
    maxBatch: 3,
    maxInFlight: 2,
    maxWaiting: 1_000,
    onBatch: (size) => sizes.push(size),
    commit: (items, slot) =>
      new Promise((resolve, reject) => {
        const commit: OpenCommit = {
          items,
          slot,
          end: (error) => {
            open.splice(open.indexOf(commit), 1);
            if (error === undefined) resolve(items.map((item) => item * 10));
            else reject(error);
          },
        };
        open.push(commit);
      }),
    ...options,
  });
  return { commits, open, sizes };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('batching', () => {
  test('a lone item goes at once', async () => {
    const { commits, open } = createCommits();
    const result = commits.add(1);
    await turn();
    expect(open.map(({ items }) => items)).toEqual([[1]]);
    open[0]?.end();
    expect(await result).toBe(10);
  });

  test('items of one turn go together, further ones gather while commits are under way', async () => {
    const { commits, open, sizes } = createCommits({ maxInFlight: 1 });
    const results = [commits.add(1), commits.add(2)];
    await turn();
    for (const item of [3, 4, 5, 6]) {
      results.push(commits.add(item));
      await turn();
    }
    expect(open.map(({ items }) => items)).toEqual([[1, 2]]);
    expect(commits.waiting).toBe(4);
    while (open.length > 0) {
      open[0]?.end();
      await turn();
    }
    expect(sizes).toEqual([2, 3, 1]);
    expect(await Promise.all(results)).toEqual([10, 20, 30, 40, 50, 60]);
  });

  test('an error of one commit is told to its callers alone', async () => {
    const { commits, open } = createCommits({ maxInFlight: 1, maxBatch: 2 });
    const results = [1, 2, 3].map((item) => commits.add(item));
    const settled = Promise.allSettled(results);
    await turn();
    const error = new Error('connection lost');
    open[0]?.end(error);
    await turn();
    open[0]?.end();
    expect(await settled).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: 30 },
    ]);
  });

  test('a batch ends before it gets too heavy; a heavier item goes alone', async () => {
    const { commits, open } = createCommits({
      maxInFlight: 1,
      maxBatch: 10,
      weigh: { of: (item) => item, maxBatchWeight: 10 },
    });
    const batches: (readonly number[])[] = [];
    const results = Promise.all([4, 6, 1, 99, 3, 3].map((item) => commits.add(item)));
    await turn();
    while (open.length > 0) {
      batches.push(open[0]?.items ?? []);
      open[0]?.end();
      await turn();
    }
    expect(batches).toEqual([[4, 6], [1], [99], [3, 3]]);
    expect(await results).toEqual([40, 60, 10, 990, 30, 30]);
  });
});

describe('groups', () => {
  test("a single item of one group waits for a batch, not for another's hundred", async () => {
    const { commits, open } = createCommits({ maxInFlight: 1, maxBatch: 4, groupOf: (item) => String(item >= 1_000) });
    const batches: (readonly number[])[] = [];
    const results = Array.from({ length: 100 }, (_, item) => commits.add(item));
    await turn();
    results.push(commits.add(1_000), commits.add(1_001));
    while (open.length > 0) {
      batches.push(open[0]?.items ?? []);
      open[0]?.end();
      await turn();
    }
    expect(batches.slice(0, 3)).toEqual([
      [0, 1, 2, 3],
      [4, 1_000, 5, 1_001],
      [6, 7, 8, 9],
    ]);
    expect(batches.flat().filter((item) => item < 1_000)).toEqual(Array.from({ length: 100 }, (_, item) => item));
    expect(await Promise.all(results)).toEqual([...Array.from({ length: 100 }, (_, n) => n * 10), 10_000, 10_010]);
  });
});

describe('when an item is at fault', () => {
  const fault = new Error('bad item');
  const faulty = (bad: ReadonlySet<number>, committed: number[]): Partial<GroupCommitOptions<number, number>> => ({
    maxBatch: 64,
    isItemFault: (error) => error === fault,
    commit: async (items) => {
      if (items.some((item) => bad.has(item))) throw fault;
      committed.push(...items);
      return items.map((item) => item * 10);
    },
  });

  test('exactly the guilty callers see the error, and every other item is committed once', async () => {
    const item = fc.nat(40);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(item, { minLength: 1 }), fc.array(item), async (items, badItems) => {
        const bad = new Set(badItems);
        const committed: number[] = [];
        const { commits } = createCommits(faulty(bad, committed));
        const results = await Promise.allSettled(items.map((each) => commits.add(each)));
        results.forEach((result, index) => {
          const each = items[index] ?? Number.NaN;
          if (bad.has(each)) expect(result).toEqual({ status: 'rejected', reason: fault });
          else expect(result).toEqual({ status: 'fulfilled', value: each * 10 });
        });
        expect(committed.sort()).toEqual(items.filter((each) => !bad.has(each)).sort());
      }),
    );
  });

  test('one bad item in a batch costs few further commits', async () => {
    const { commits, sizes } = createCommits(faulty(new Set([37]), []));
    await Promise.allSettled(Array.from({ length: 64 }, (_, item) => commits.add(item)));
    expect(sizes.length).toBeLessThanOrEqual(1 + 2 * 6);
  });

  test('other errors are not tried to be pinned on an item', async () => {
    const { commits, open, sizes } = createCommits({ isItemFault: (error) => error === fault });
    const settled = Promise.allSettled([1, 2, 3].map((each) => commits.add(each)));
    await turn();
    open[0]?.end(new Error('server gone'));
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(sizes).toEqual([3]);
  });
});

describe('bounds', () => {
  test('an item that finds the line full is refused, and one that comes later is not', async () => {
    const { commits, open } = createCommits({ maxBatch: 1, maxInFlight: 1, maxWaiting: 2 });
    const first = commits.add(1);
    await turn();
    const waiting = [commits.add(2), commits.add(3)];
    await expect(commits.add(4)).rejects.toThrow(Overloaded);
    open[0]?.end();
    await turn();
    waiting.push(commits.add(5));
    while (open.length > 0) {
      open[0]?.end();
      await turn();
    }
    expect(await Promise.all([first, ...waiting])).toEqual([10, 20, 30, 50]);
  });

  test('items that are too large together are refused; one alone never is, whatever its size', async () => {
    const size = { of: (item: number) => item, maxWaiting: 100 };
    const { commits, open } = createCommits({ maxBatch: 10, maxInFlight: 1, size });
    const results = [commits.add(1)];
    await turn();
    results.push(commits.add(500));
    await expect(commits.add(1)).rejects.toThrow(Overloaded);
    open[0]?.end();
    await turn();
    results.push(commits.add(60), commits.add(40));
    await expect(commits.add(1)).rejects.toThrow(Overloaded);
    while (open.length > 0) {
      open[0]?.end();
      await turn();
    }
    results.push(commits.add(100));
    await turn();
    open[0]?.end();
    expect(await Promise.all(results)).toEqual([10, 5_000, 600, 400, 1_000]);
  });

  test('whatever comes when: no batch is too large, no slot is used twice at once, each caller gets its own result', async () => {
    const add = fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 8 }) });
    const end = fc.record({ do: fc.constant('end' as const), which: fc.nat(), fails: fc.boolean() });
    const schedule = fc.array(fc.oneof(add, end), { maxLength: 30 });
    const bounds = { maxBatch: fc.integer({ min: 1, max: 5 }), maxInFlight: fc.integer({ min: 1, max: 4 }) };
    await fc.assert(
      fc.asyncProperty(schedule, fc.record(bounds), async (steps, { maxBatch, maxInFlight }) => {
        const { commits, open } = createCommits({ maxBatch, maxInFlight });
        const failed = new Set<number>();
        const results: Promise<unknown>[] = [];
        const check = async () => {
          await turn();
          expect(open.length).toBeLessThanOrEqual(maxInFlight);
          expect(new Set(open.map(({ slot }) => slot)).size).toBe(open.length);
          expect(open.every(({ slot }) => slot >= 0 && slot < maxInFlight)).toBe(true);
          expect(open.every(({ items }) => items.length >= 1 && items.length <= maxBatch)).toBe(true);
          if (open.length < maxInFlight) expect(commits.waiting).toBe(0);
        };
        const finish = (which: number, fails: boolean) => {
          const commit = open[which % open.length];
          if (fails) for (const item of commit?.items ?? []) failed.add(item);
          commit?.end(fails ? new Error('down') : undefined);
        };
        for (const step of steps) {
          if (step.do === 'add') {
            for (let n = 0; n < step.count; n++) results.push(commits.add(results.length).catch(() => 'failed'));
          } else if (open.length > 0) finish(step.which, step.fails);
          await check();
        }
        let drained = false;
        const drain = commits.drain().then(() => {
          drained = true;
        });
        while (open.length > 0) {
          await check();
          expect(drained).toBe(false);
          finish(0, false);
          await turn();
        }
        await drain;
        expect(await Promise.all(results)).toEqual(results.map((_, item) => (failed.has(item) ? 'failed' : item * 10)));
      }),
    );
  });
});

describe('draining', () => {
  test('an idle committer is drained', async () => {
    await createCommits().commits.drain();
  });

  test('waits for what was added in the same turn, and for failures too', async () => {
    const { commits, open } = createCommits({ maxInFlight: 1, maxBatch: 1 });
    const settled = Promise.allSettled([commits.add(1), commits.add(2)]);
    let drained = false;
    const drain = Promise.all([commits.drain(), commits.drain()]).then(() => {
      drained = true;
    });
    await turn();
    open[0]?.end(new Error('down'));
    await turn();
    expect(drained).toBe(false);
    open[0]?.end();
    await drain;
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});
