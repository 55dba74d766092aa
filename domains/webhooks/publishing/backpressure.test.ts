import { quickestMs } from '../../../tests/support/quickest';
import { createBackpressure } from './backpressure';

/** How long a commit is held back: the shortest of several tries, unless the first is short enough. */
const heldMs = (enoughMs: number, backlog: () => number, utilization: number) =>
  quickestMs(enoughMs, createBackpressure({ backlog, utilization: () => utilization }));

test('nobody is held back while few attempts wait, however busy the process is', async () => {
  expect(await heldMs(5, () => 1_999, 1)).toBeLessThan(5);
});

test('attempts that wait for slow receivers hold nobody back for more than a look', async () => {
  expect(await heldMs(50, () => 100_000, 0.3)).toBeLessThan(50);
});

test('a saturated process holds a commit back until the backlog shrinks', async () => {
  let backlog = 2_020;
  const held = await heldMs(Number.POSITIVE_INFINITY, () => --backlog, 1);
  expect(backlog).toBe(1_999);
  expect(held).toBeGreaterThan(50);
});

test('and never for ever', async () => {
  expect(await heldMs(2_000, () => 100_000, 1)).toBeLessThan(2_000);
});
