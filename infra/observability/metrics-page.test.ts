import { Gauge, Registry } from 'prom-client';
import { createMetricsPage } from './metrics-page';

/** A registry whose gauge counts how often it is rendered; each rendering lasts until `finish` is called. */
function slowRegistry() {
  const registry = new Registry();
  let renderings = 0;
  let open: { finish(): void; fail(): void }[] = [];
  new Gauge({
    name: 'renderings',
    help: 'x',
    registers: [registry],
    collect() {
      this.set(++renderings);
      return new Promise<void>((resolve, reject) =>
        open.push({ finish: resolve, fail: () => reject(new Error('no')) }),
      );
    },
  });
  const end = (how: 'finish' | 'fail') => {
    const ended = open;
    open = [];
    for (const each of ended) each[how]();
  };
  return { registry, renderings: () => renderings, finish: () => end('finish'), fail: () => end('fail') };
}

test('a thousand that ask at once cost one rendering, and who asks within a second gets its text', async () => {
  const { registry, renderings, finish } = slowRegistry();
  let now = 0;
  const page = createMetricsPage(registry, { now: () => now });
  const asked = Array.from({ length: 1_000 }, () => page.render());
  now = 60_000;
  asked.push(page.render());
  expect(renderings()).toBe(1);
  finish();
  expect(new Set(await Promise.all(asked))).toEqual(new Set([expect.stringContaining('\nrenderings 1\n')]));

  now += 999;
  expect(await page.render()).toContain('\nrenderings 1\n');
  now += 1;
  const next = page.render();
  finish();
  expect(await next).toContain('\nrenderings 2\n');
});

test('a failed rendering is told to those who waited for it, and not kept', async () => {
  const { registry, finish, fail } = slowRegistry();
  const page = createMetricsPage(registry);
  const failed = page.render();
  fail();
  await expect(failed).rejects.toThrow('no');
  const next = page.render();
  finish();
  expect(await next).toContain('\nrenderings 2\n');
});
