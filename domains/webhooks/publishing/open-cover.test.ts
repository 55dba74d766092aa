import { newId, type PublicId } from '../../../core/ids';
import type { StoredDelivery } from '../store/publish';
import { OpenCover } from './open-cover';

const WORKFLOW = 'webhook-delivery/batch_x.0';
const tenantId = newId('ten');

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Adds a delivery that is due in `dueInMs`. */
function add(cover: OpenCover, dueInMs = 1_000, endpointId = 'ep_1'): PublicId {
  const id = newId('dlv');
  const delivery: StoredDelivery = {
    id,
    endpointId,
    endpointVersion: 1,
    workflowId: WORKFLOW,
    held: false,
    backlog: false,
    ordered: false,
    failover: false,
    probe: false,
    lane: 'normal' as const,
    timeoutMs: 1_000,
    firstRetryMs: 1_000,
  };
  cover.add(tenantId, delivery, Date.now() + dueInMs);
  return id;
}

/** The server may be late with a delayed start. */
const AHEAD_MS = 700;

test('lists what is open and what it belongs to, and waits for what is due first', () => {
  const cover = new OpenCover(WORKFLOW);
  const ids = [add(cover, 5_000, 'ep_1'), add(cover, 3_000, 'ep_2'), add(cover, 4_000, 'ep_1')];
  expect(cover.open).toBe(3);
  jest.advanceTimersByTime(500);
  expect(cover.close()).toEqual([
    {
      workflowId: WORKFLOW,
      lane: 'normal',
      open: ids,
      ended: {},
      tenantIds: [tenantId],
      endpointIds: ['ep_1', 'ep_2'],
      startDelayMs: 2_500 - AHEAD_MS,
    },
  ]);
});

test('what is due already does not wait', () => {
  const cover = new OpenCover(WORKFLOW);
  add(cover, 100);
  jest.advanceTimersByTime(200);
  expect(cover.close()).toMatchObject([{ startDelayMs: 0 }]);
});

test('only counts what has ended', () => {
  const cover = new OpenCover(WORKFLOW);
  const [first, second, third, fourth] = [add(cover), add(cover), add(cover), add(cover)];
  for (const id of [first, second, second]) cover.end(id, { state: 'delivered' });
  cover.end(third, { state: 'dead' });
  expect(cover.open).toBe(1);
  expect(cover.close()).toMatchObject([{ open: [fourth], ended: { delivered: 2, dead: 1 } }]);
});

test('what has failed is due when its retry is', () => {
  const cover = new OpenCover(WORKFLOW);
  cover.end(add(cover, 1_000), { state: 'retrying', nextAttemptAt: new Date(Date.now() + 9_000) });
  expect(cover.close()).toMatchObject([{ startDelayMs: 9_000 - AHEAD_MS }]);
});

test('what has failed without a known retry stays due as it was', () => {
  const cover = new OpenCover(WORKFLOW);
  cover.end(add(cover, 1_000), { state: 'retrying', nextAttemptAt: undefined });
  expect(cover.close()).toMatchObject([{ startDelayMs: 1_000 - AHEAD_MS }]);
});

test('what was declined is due at once', () => {
  const cover = new OpenCover(WORKFLOW);
  add(cover, 1_000);
  cover.end(add(cover, 1_000), { state: 'declined' });
  expect(cover.close()).toMatchObject([{ startDelayMs: 0 }]);
});

test('with nothing open there is nothing to wait for', () => {
  const cover = new OpenCover(WORKFLOW);
  cover.end(add(cover), { state: 'delivered' });
  expect(cover.close()).toMatchObject([{ open: [], ended: { delivered: 1 }, startDelayMs: 0 }]);
});

test('what ends after it was closed is not counted beside being listed', () => {
  const cover = new OpenCover(WORKFLOW);
  const [first, second] = [add(cover), add(cover)];
  cover.end(first, { state: 'delivered' });
  const closed = cover.close();
  cover.end(second, { state: 'delivered' });
  expect(closed).toMatchObject([{ open: [second], ended: { delivered: 1 } }]);
});

test('more than 500 open are split, and what has ended is counted once', () => {
  const cover = new OpenCover(WORKFLOW);
  const ids = Array.from({ length: 1_201 }, () => add(cover));
  cover.end(ids[0] ?? '', { state: 'delivered' });
  const closed = cover.close();
  expect(closed.map(({ workflowId, open, ended }) => [workflowId, open.length, ended])).toEqual([
    [WORKFLOW, 500, { delivered: 1 }],
    [`${WORKFLOW}.from_500`, 500, {}],
    [`${WORKFLOW}.from_1000`, 200, {}],
  ]);
  expect(closed.flatMap(({ open }) => open)).toEqual(ids.slice(1));
});
