import { newId, type PublicId } from '../../../core/ids';
import type { AttemptEnd } from '../delivery/leased-delivery';
import { deliveryWorkflowId } from '../rules/workflow-names';
import type { Cover } from '../start';
import type { StoredDelivery } from '../store/publish';
import { Coverage } from './coverage';

const LINGER_MS = 100;
const LINGER_MAX_MS = 1_000;
const RIPEN_MS = 1_000;
const AHEAD_MS = 700;
const DELIVERED: AttemptEnd = { state: 'delivered' };
const tenantId = newId('ten');

let started: Cover[];
let drained: () => Promise<void>;
let coverage: Coverage;

function create(firstAttempt: 'api' | 'workflow' = 'api'): Coverage {
  const starter = {
    add: (covers: readonly Cover[]) => started.push(...covers),
    drain: () => drained(),
  };
  const config = {
    WAYBILL_FIRST_ATTEMPT: firstAttempt,
    WAYBILL_COVER_LINGER: LINGER_MS,
    WAYBILL_COVER_LINGER_MAX: LINGER_MAX_MS,
  };
  return new Coverage({ starter, config, ownWorkflowsPerSecond: 10 });
}

beforeEach(() => {
  jest.useFakeTimers();
  started = [];
  drained = async () => {};
  coverage = create();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Adds a delivery, to a workflow of its own unless one is named. @returns its id, and the function that takes its end */
function add(options: { slot?: number; workflowId?: string; dueInMs?: number } = {}) {
  const id: PublicId = newId('dlv');
  const { slot = 0, workflowId = deliveryWorkflowId(id), dueInMs = 5_000 } = options;
  const delivery: StoredDelivery = {
    id,
    endpointId: 'ep_1',
    endpointVersion: 1,
    workflowId,
    held: false,
    backlog: false,
    ordered: false,
    failover: false,
    probe: false,
    lane: 'normal' as const,
    timeoutMs: 1_000,
    firstRetryMs: 5_000,
  };
  return { id, workflowId, end: coverage.add(slot, tenantId, delivery, dueInMs) };
}

/** A commit that stores `count` deliveries as planned. */
function commit(count: number, slot = 0) {
  const plan = coverage.plan(slot);
  const added = Array.from({ length: count }, (_, n) => {
    const shared = n - plan.ownWorkflows;
    if (shared < 0) return add({ slot });
    const part = Math.floor((plan.sharedOffset + shared) / plan.sharedSize);
    return add({ slot, workflowId: `${plan.sharedWorkflow}.${part}` });
  });
  coverage.committed(slot);
  return { plan, added };
}

/** Uses up the deliveries that may have workflows of their own. */
function spend(): void {
  commit(40, 99);
  jest.advanceTimersByTime(LINGER_MAX_MS + RIPEN_MS);
  started = [];
  // In these two seconds, twenty tokens have come back.
  commit(40, 99);
}

const ids = () => started.map(({ workflowId }) => workflowId);

describe('a delivery with a workflow of its own', () => {
  test('is covered after the short linger, with what is left until it is due', () => {
    const { added } = commit(1);
    jest.advanceTimersByTime(LINGER_MS - 1);
    expect(started).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(started).toEqual([
      {
        workflowId: added[0]?.workflowId,
        lane: 'normal',
        open: [added[0]?.id],
        ended: {},
        tenantIds: [tenantId],
        endpointIds: ['ep_1'],
        startDelayMs: 5_000 - LINGER_MS - AHEAD_MS,
      },
    ]);
  });

  test('that is delivered meanwhile is only counted', () => {
    const { added } = commit(1);
    added[0]?.end(DELIVERED);
    jest.advanceTimersByTime(LINGER_MS);
    expect(started).toMatchObject([{ workflowId: added[0]?.workflowId, open: [], ended: { delivered: 1 } }]);
  });
});

describe('who shares', () => {
  test('the first twenty have their own, the others share, and later ones take further places', () => {
    const { plan, added } = commit(23);
    expect(plan).toMatchObject({ ownWorkflows: 20, sharedOffset: 0, sharedSize: 5_000 });
    expect(added.filter(({ workflowId }) => workflowId.startsWith('webhook-delivery/batch_'))).toHaveLength(3);
    expect(coverage.plan(0)).toEqual({ ...plan, ownWorkflows: 0, sharedOffset: 3 });
  });

  test('as time passes deliveries have their own again', () => {
    commit(20);
    jest.advanceTimersByTime(500);
    expect(coverage.plan(0).ownWorkflows).toBe(5);
  });

  test('commits with other slots share other workflows', () => {
    expect(coverage.plan(1).sharedWorkflow).not.toBe(coverage.plan(0).sharedWorkflow);
  });

  test('those of the next gathering share another one', () => {
    const { plan } = commit(21);
    jest.advanceTimersByTime(LINGER_MAX_MS);
    expect(coverage.plan(0)).toMatchObject({ sharedWorkflow: expect.not.stringContaining(plan.sharedWorkflow) });
    expect(coverage.plan(0).sharedOffset).toBe(0);
  });

  test('5,000 are the most; where the workflow makes first attempts, 500', () => {
    coverage = create('workflow');
    spend();
    const { plan } = commit(499);
    expect(plan).toMatchObject({ sharedSize: 500, sharedOffset: 0, ownWorkflows: 0 });
    expect(commit(1).plan.sharedWorkflow).toBe(plan.sharedWorkflow);
    // It is full: what it holds is closed before the next commit.
    expect(started).toEqual([]);
    const next = coverage.plan(0);
    expect(next.sharedOffset).toBe(0);
    expect(next.sharedWorkflow).not.toBe(plan.sharedWorkflow);
    jest.advanceTimersByTime(RIPEN_MS);
    expect(started).toMatchObject([{ workflowId: `${plan.sharedWorkflow}.0` }]);
    expect(started[0]?.open).toHaveLength(500);
  });

  test('what comes after a full one gathers as long as any other', () => {
    coverage = create('workflow');
    spend();
    commit(500);
    jest.advanceTimersByTime(LINGER_MAX_MS - 10);
    const { plan } = commit(1);
    jest.advanceTimersByTime(LINGER_MAX_MS - 1);
    expect(ids()).not.toContain(`${plan.sharedWorkflow}.0`);
    jest.advanceTimersByTime(1);
    expect(ids()).toContain(`${plan.sharedWorkflow}.0`);
  });
});

describe('under load', () => {
  test('deliveries gather longer', () => {
    spend();
    commit(1);
    jest.advanceTimersByTime(LINGER_MAX_MS - 1);
    expect(ids()).toHaveLength(0);
    jest.advanceTimersByTime(1);
    expect(ids()).toHaveLength(1);
  });

  test('a cover with several open ones ripens, and one with a single open one does not', () => {
    spend();
    jest.advanceTimersByTime(LINGER_MAX_MS + RIPEN_MS);
    started = [];
    coverage.plan(0);
    const [few, many] = ['webhook-delivery/batch_few.0', 'webhook-delivery/batch_many.0'];
    const [first, second] = [add({ workflowId: few }), add({ workflowId: few })];
    const [third, fourth] = [add({ workflowId: many }), add({ workflowId: many })];
    coverage.committed(0);
    second.end(DELIVERED);
    jest.advanceTimersByTime(LINGER_MAX_MS);
    expect(started).toMatchObject([{ workflowId: few, open: [first.id], ended: { delivered: 1 } }]);
    third.end(DELIVERED);
    fourth.end({ state: 'retrying', nextAttemptAt: new Date(Date.now() + 7_000) });
    jest.advanceTimersByTime(RIPEN_MS - 1);
    expect(ids()).toEqual([few]);
    jest.advanceTimersByTime(1);
    expect(started[1]).toMatchObject({
      workflowId: many,
      open: [fourth.id],
      ended: { delivered: 1 },
      startDelayMs: 6_000 - AHEAD_MS,
    });
  });

  test('more than 500 open ones are split', () => {
    const workflowId = 'webhook-delivery/batch_all.0';
    coverage.plan(0);
    for (let n = 0; n < 501; n++) add({ workflowId });
    coverage.committed(0);
    jest.advanceTimersByTime(LINGER_MAX_MS + RIPEN_MS);
    expect(ids()).toEqual([workflowId, `${workflowId}.from_500`]);
  });
});

describe('while a commit is under way', () => {
  test('what was gathered is closed after it, with what it adds', () => {
    const workflowId = 'webhook-delivery/batch_one.0';
    coverage.plan(0);
    const first = add({ workflowId });
    coverage.committed(0);
    coverage.plan(0);
    jest.advanceTimersByTime(LINGER_MS * 5);
    expect(started).toEqual([]);
    const second = add({ workflowId });
    first.end(DELIVERED);
    coverage.committed(0);
    expect(started).toMatchObject([{ workflowId, open: [second.id], ended: { delivered: 1 } }]);
    // The next deliveries gather in a new cover.
    commit(1);
    jest.advanceTimersByTime(LINGER_MS - 1);
    expect(ids()).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(ids()).toHaveLength(2);
  });

  test('other slots are not held back', () => {
    coverage.plan(0);
    const { added } = commit(1, 1);
    jest.advanceTimersByTime(LINGER_MS);
    expect(ids()).toEqual([added[0]?.workflowId]);
  });

  test('one that fails closes what was gathered before it', () => {
    const { added } = commit(1);
    coverage.plan(0);
    jest.advanceTimersByTime(LINGER_MS);
    coverage.committed(0);
    expect(ids()).toEqual([added[0]?.workflowId]);
    jest.advanceTimersByTime(LINGER_MAX_MS);
    expect(ids()).toHaveLength(1);
  });
});

describe('flush', () => {
  test('starts what gathers and what ripens, each once, and waits for the starts', async () => {
    const ripe = 'webhook-delivery/batch_ripe.0';
    coverage.plan(0);
    add({ workflowId: ripe });
    add({ workflowId: ripe });
    coverage.committed(0);
    jest.advanceTimersByTime(LINGER_MS);
    const { added } = commit(1, 1);
    let release = () => {};
    drained = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    let over = false;
    const flushed = coverage.flush().then(() => {
      over = true;
    });
    expect(ids()).toEqual([added[0]?.workflowId, ripe]);
    await jest.advanceTimersByTimeAsync(LINGER_MAX_MS + RIPEN_MS);
    expect([over, ids().length]).toEqual([false, 2]);
    release();
    await flushed;
  });

  test('with nothing gathered any more starts nothing', async () => {
    const workflowId = 'webhook-delivery/batch_ripe.0';
    coverage.plan(0);
    add({ workflowId });
    add({ workflowId });
    coverage.committed(0);
    jest.advanceTimersByTime(LINGER_MS + RIPEN_MS);
    expect(ids()).toEqual([workflowId]);
    started = [];
    await coverage.flush();
    expect(started).toEqual([]);
  });
});
