import { createDatabaseClock } from './database-clock';
import type { Queryable } from './pool';

/** A database whose clock is this far ahead of ours. */
function database(aheadMs: () => number) {
  const asked = { times: 0 };
  const db = {
    query: async () => {
      asked.times++;
      return { rows: [{ now: Date.now() + aheadMs() }], rowCount: 1 };
    },
  } as unknown as Queryable;
  return { db, asked };
}

test('a clock that is near is taken for right, and the database asked once a minute', async () => {
  let now = 0;
  const { db, asked } = database(() => 900);
  const clock = createDatabaseClock(() => now);
  for (now = 0; now <= 60_000; now += 10_000) expect(await clock.unlessNear(db)).toBeUndefined();
  expect(asked.times).toBe(1);
  now = 60_001;
  await clock.unlessNear(db);
  expect(asked.times).toBe(2);
});

test.each([20_000, -20_000])('one that is %i ms off is put right until it is', async (off) => {
  let [now, ahead] = [0, off];
  const { db } = database(() => ahead);
  const clock = createDatabaseClock(() => now);
  const told = (await clock.unlessNear(db)) ?? 0;
  expect(Math.abs(told - Date.now() - off)).toBeLessThan(5_000);
  ahead = 0;
  now = 61_000;
  expect(await clock.unlessNear(db)).toBeUndefined();
});
