import { createFairLimit } from './fair-limit';

function gate() {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('so many run at once, and groups take turns', async () => {
  const limit = createFairLimit(1);
  const started: string[] = [];
  const first = gate();
  const run = (group: string, name: string, until: Promise<void> = Promise.resolve()) =>
    limit.run(group, () => {
      started.push(name);
      return until;
    });
  const all = [run('a', 'a1', first.opened), run('a', 'a2'), run('a', 'a3'), run('b', 'b1')];
  expect(started).toEqual(['a1']);
  first.open();
  await Promise.all(all);
  expect(started).toEqual(['a1', 'a2', 'b1', 'a3']);
});

test('a task that fails gives its place back, and draining waits for all', async () => {
  const limit = createFairLimit(2);
  const slow = gate();
  const failing = limit.run('a', () => Promise.reject(new Error('no')));
  const held = limit.run('a', () => slow.opened);
  await expect(failing).rejects.toThrow('no');
  let drained = false;
  const end = limit.drain().then(() => {
    drained = true;
  });
  expect(await limit.run('b', async () => 'done')).toBe('done');
  expect(drained).toBe(false);
  slow.open();
  await Promise.all([held, end]);
  await limit.drain();
});
