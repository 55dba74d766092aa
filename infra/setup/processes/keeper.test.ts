import { createKeeper, type Keeper, type Kept, type RestartPolicy } from './keeper';
import { ProcessError } from './managed-process';
import { waitFor } from './wait';

const POLICY: RestartPolicy = { atMost: 3, withinMs: 60_000, firstPauseMs: 10 };

let said: string[];
let given: Error | undefined;
beforeEach(() => {
  said = [];
  given = undefined;
});

function keeperWith(policy: Partial<RestartPolicy> = {}): Keeper {
  const giveUp = (error: Error) => {
    given = error;
  };
  return createKeeper({ log: (line) => said.push(line), giveUp, policy: { ...POLICY, ...policy } });
}

/** A process that dies when told to, and restarts by `start`. */
function worker(start: (signal: AbortSignal) => Promise<void> = async () => {}) {
  let report = (_error: ProcessError) => {};
  const starts: number[] = [];
  const kept: Kept = {
    restart: async (signal) => {
      starts.push(performance.now());
      await start(signal);
    },
    onUnexpectedExit: (look) => {
      report = look;
    },
  };
  return { kept, starts, die: () => report(died()) };
}

const died = (what = 'ended unexpectedly (SIGKILL)') =>
  new ProcessError('Worker', what, '/log', 'Its last lines: boom');
const until = (look: () => boolean) => waitFor(async () => look() || undefined, { withinMs: 5_000, everyMs: 5 });
const timesSaid = (text: string) => said.filter((line) => line.includes(text)).length;

test('what dies is started again, which is said with what happened and how often yet', async () => {
  const keeper = keeperWith();
  const { kept, die } = worker();
  let told = 0;
  keeper.keep(kept, async () => void told++);
  die();
  await until(() => timesSaid('runs again') === 1);
  expect(said).toEqual([
    'Worker ended unexpectedly (SIGKILL), see /log',
    '  it is started again in 0.01 s (1 of at most 3 times within 1 min)',
    'Worker runs again',
  ]);
  expect(told).toBe(1);
  expect(given).toBeUndefined();
});

test('pauses grow, and after too many deaths it is given up with the last words', async () => {
  const keeper = keeperWith();
  const { kept, starts, die } = worker();
  keeper.keep(kept);
  for (let i = 1; i <= 3; i++) {
    die();
    await until(() => timesSaid('runs again') === i);
  }
  die();
  await until(() => given !== undefined);
  expect(given?.message).toContain('Worker was started again 3 times within 1 min and died again: Worker ended');
  expect(given?.message).toContain('boom');
  expect(starts).toHaveLength(3);
  expect([10, 20, 40].map((ms) => timesSaid(`in ${ms / 1_000} s`))).toEqual([1, 1, 1]);
});

test('a start that fails counts as a death', async () => {
  const keeper = keeperWith();
  const { kept, starts, die } = worker(() => Promise.reject(died('ended at start (code 1)')));
  keeper.keep(kept);
  die();
  await until(() => given !== undefined);
  expect(starts).toHaveLength(3);
  expect(given?.message).toContain('died again: Worker ended at start (code 1)');
});

test('deaths of long ago do not count', async () => {
  const keeper = keeperWith({ atMost: 1, withinMs: 1 });
  const { kept, starts, die } = worker();
  keeper.keep(kept);
  for (let i = 1; i <= 4; i++) {
    die();
    await until(() => timesSaid('runs again') === i);
  }
  expect(starts).toHaveLength(4);
  expect(given).toBeUndefined();
});

test("one's deaths do not count for another", async () => {
  const keeper = keeperWith({ atMost: 1 });
  const all = [worker(), worker(), worker()];
  for (const { kept } of all) keeper.keep(kept);
  for (const { die } of all) die();
  await until(() => timesSaid('runs again') === 3);
  expect(given).toBeUndefined();
});

test('what cannot be started for another reason is given up at once', async () => {
  const keeper = keeperWith();
  const { kept, starts, die } = worker(() => Promise.reject(new Error('no such account')));
  keeper.keep(kept);
  die();
  await until(() => given !== undefined);
  expect(given?.message).toBe('no such account');
  expect(starts).toHaveLength(1);
});

test('once it has ended, nothing is started: not after a pause, nor what is under way, nor what dies then', async () => {
  const pausing = worker();
  const starting = worker(
    (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  const slow = keeperWith({ firstPauseMs: 60_000 });
  const quick = keeperWith();
  slow.keep(pausing.kept);
  quick.keep(starting.kept);
  pausing.die();
  starting.die();
  await until(() => starting.starts.length === 1);
  await Promise.all([slow.end(), quick.end()]);
  pausing.die();
  expect(pausing.starts).toEqual([]);
  expect(timesSaid('runs again')).toBe(0);
  expect(given).toBeUndefined();
});
