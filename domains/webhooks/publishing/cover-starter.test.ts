import pino from 'pino';
import { Registry } from 'prom-client';
import type { PublicId } from '../../../core/ids';
import { webhookMetrics } from '../metrics';
import type { Cover } from '../start';
import { CoverStarter } from './cover-starter';

/** The result of a start: whether it was made, or why not. */
type Outcome = boolean | Error | 'no answer';

let starter: CoverStarter;
let metrics: ReturnType<typeof webhookMetrics>;
/** Workflow ids in the order of their starts. */
let asked: string[];
let covers: Cover[];
let outcome: (workflowId: string) => Outcome | Promise<Outcome>;
let open: PublicId[] | Error;

beforeEach(() => {
  jest.useFakeTimers();
  asked = [];
  covers = [];
  outcome = () => true;
  open = [];
  metrics = webhookMetrics(new Registry());
  starter = new CoverStarter({
    start: async (cover) => {
      asked.push(cover.workflowId);
      covers.push(cover);
      const came = await outcome(cover.workflowId);
      if (came === 'no answer') await new Promise(() => {});
      if (came instanceof Error) throw came;
      return came === true;
    },
    takeOver: async () => {
      if (open instanceof Error) throw open;
      return open;
    },
    metrics,
    log: pino({ level: 'silent' }),
  });
});
afterEach(() => {
  jest.useRealTimers();
});

function cover(workflowId: string): Cover {
  return { workflowId, open: ['dlv_1', 'dlv_2'], ended: {}, tenantIds: [], endpointIds: [], startDelayMs: 0 };
}

const valueIn = async (metric: { get(): Promise<{ values: { value: number }[] }> }) =>
  (await metric.get()).values[0]?.value;
const failures = () => valueIn(metrics.coverFailures);

/** Starts that end when they are told to. */
function held() {
  const waiting: ((outcome: Outcome) => void)[] = [];
  outcome = () => new Promise<Outcome>((resolve) => waiting.push(resolve));
  return waiting;
}

async function drained(): Promise<boolean> {
  let done = false;
  void starter.drain().then(() => {
    done = true;
  });
  await jest.advanceTimersByTimeAsync(0);
  return done;
}

test('at most eight starts are under way, in the order they came in', async () => {
  const waiting = held();
  for (let n = 0; n < 10; n++) starter.add([cover(`w${n}`)]);
  await jest.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(['w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7']);
  expect(await valueIn(metrics.coversWaiting)).toBe(10);
  waiting[3]?.(true);
  await jest.advanceTimersByTimeAsync(0);
  expect(asked).toHaveLength(9);
  expect(await drained()).toBe(false);
  // The last start is made here.
  waiting[0]?.(true);
  await jest.advanceTimersByTimeAsync(0);
  for (const answer of waiting) answer(true);
  expect(await drained()).toBe(true);
  expect(asked).toHaveLength(10);
  expect(await valueIn(metrics.coversWaiting)).toBe(0);
});

test('with nothing to start it is drained at once', async () => {
  expect(await drained()).toBe(true);
});

describe('while many wait', () => {
  /** Adds covers of which eight are under way and `count` wait. */
  function wait(count: number) {
    const waiting = held();
    for (let n = 0; n < count + 8; n++) starter.add([cover(`w${n}`)]);
    return waiting;
  }

  test('from 5,000 on further ones are given up and counted', async () => {
    const waiting = wait(4_999);
    starter.add([cover('last')]);
    expect(await failures()).toBe(0);
    starter.add([cover('over')]);
    expect(await failures()).toBe(1);
    expect(await valueIn(metrics.coversWaiting)).toBe(5_008);
    outcome = () => true;
    for (const answer of waiting) answer(true);
    expect(await drained()).toBe(true);
    expect(asked).toHaveLength(5_008);
    expect(asked).toContain('last');
  });

  test('the parts of one batch stay together', async () => {
    const waiting = wait(4_999);
    starter.add([cover('last.0'), cover('last.1')]);
    outcome = () => true;
    for (const answer of waiting) answer(true);
    expect(await drained()).toBe(true);
    expect(asked.slice(-2)).toEqual(['last.0', 'last.1']);
  });
});

test('a start that fails is tried again, after ever longer pauses', async () => {
  let tries = 0;
  outcome = () => (++tries < 3 ? new Error('unavailable') : true);
  starter.add([cover('w')]);
  await jest.advanceTimersByTimeAsync(499);
  expect(asked).toEqual(['w']);
  await jest.advanceTimersByTimeAsync(1);
  expect(asked).toEqual(['w', 'w']);
  await jest.advanceTimersByTimeAsync(999);
  expect(asked).toHaveLength(2);
  await jest.advanceTimersByTimeAsync(1);
  expect(asked).toHaveLength(3);
  expect(await drained()).toBe(true);
  expect(await failures()).toBe(2);
});

test('one that is never answered counts as failed after ten seconds', async () => {
  let tries = 0;
  outcome = () => (++tries === 1 ? 'no answer' : true);
  starter.add([cover('w')]);
  await jest.advanceTimersByTimeAsync(10_499);
  expect(asked).toEqual(['w']);
  await jest.advanceTimersByTimeAsync(1);
  expect(asked).toEqual(['w', 'w']);
  expect(await drained()).toBe(true);
});

test('after six tries it is given up, and left to the sweep', async () => {
  outcome = () => new Error('unavailable');
  starter.add([cover('w')]);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(6);
  expect(await failures()).toBe(6);
  expect(await drained()).toBe(true);
});

describe('when a workflow of its id is there already', () => {
  beforeEach(() => {
    outcome = (workflowId) => !(workflowId === 'w');
  });

  test('what is still open gets one of its own', async () => {
    open = ['dlv_2'];
    starter.add([{ ...cover('w'), tenantIds: ['ten_1'], endpointIds: ['ep_1'] }]);
    expect(await drained()).toBe(true);
    expect(covers[1]).toEqual({
      ...cover(expect.stringMatching(/^w\.late_[0-9a-f]{8}$/)),
      open: ['dlv_2'],
      tenantIds: ['ten_1'],
      endpointIds: ['ep_1'],
      takesOver: true,
    });
    expect(covers).toHaveLength(2);
  });

  test('and nothing is open, nothing is started', async () => {
    starter.add([cover('w')]);
    expect(await drained()).toBe(true);
    expect(asked).toEqual(['w']);
  });

  test('after a failed try, it may be the cover itself', async () => {
    let tries = 0;
    outcome = () => (++tries === 1 ? new Error('no answer in time') : false);
    open = ['dlv_2'];
    starter.add([cover('w')]);
    await jest.advanceTimersByTimeAsync(500);
    expect(asked).toEqual(['w', 'w']);
    expect(await drained()).toBe(true);
  });
});
