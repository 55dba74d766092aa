import { createBackpressure } from './backpressure';

async function heldMs(backlog: () => number, utilization: number): Promise<number> {
  const startedAt = performance.now();
  await createBackpressure({ backlog, utilization: () => utilization })();
  return performance.now() - startedAt;
}

test('nobody is held back while few attempts wait, however busy the process is', async () => {
  expect(await heldMs(() => 1_999, 1)).toBeLessThan(5);
});

test('attempts that wait for slow receivers hold nobody back for more than a look', async () => {
  expect(await heldMs(() => 100_000, 0.3)).toBeLessThan(50);
});

test('a saturated process holds a commit back until the backlog shrinks', async () => {
  let backlog = 2_020;
  const held = await heldMs(() => --backlog, 1);
  expect(backlog).toBe(1_999);
  expect(held).toBeGreaterThan(50);
});

test('and never for ever', async () => {
  expect(await heldMs(() => 100_000, 1)).toBeLessThan(2_000);
});
