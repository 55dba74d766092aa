import fc from 'fast-check';
import { createSharedTurns, RANK_PATIENCE } from './shared-turns';

/** Who gets each turn, of those that want it. */
function served(wants: readonly (readonly boolean[])[]): (number | undefined)[] {
  const turns = createSharedTurns();
  return wants.map((want) => {
    const rank = turns.order().find((candidate) => want[candidate] === true);
    if (rank !== undefined) turns.took(rank, (other) => want[other] === true);
    return rank;
  });
}

test('the most urgent goes first, and the others get their share while all want', () => {
  const ranks = served(Array.from({ length: 160 }, () => [true, true, true]));
  const count = (rank: number) => ranks.filter((one) => one === rank).length;
  expect(ranks.slice(0, 3)).toEqual([0, 0, 0]);
  expect(count(0)).toBeGreaterThanOrEqual(110);
  expect(count(1)).toBeGreaterThanOrEqual(36);
  expect(count(2)).toBeGreaterThanOrEqual(9);
});

test('none that wants is passed over more often than its patience says, whatever the others want', () => {
  const wants = fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), { maxLength: 200 });
  fc.assert(
    fc.property(wants, (list) => {
      const passed = [0, 0, 0];
      for (const [n, rank] of served(list).entries()) {
        for (const other of [1, 2]) {
          passed[other] = other === rank || list[n]?.[other] !== true ? 0 : (passed[other] ?? 0) + 1;
          // One more, where both are late at the same time.
          expect(passed[other]).toBeLessThanOrEqual((RANK_PATIENCE[other] ?? 0) + 1);
        }
      }
    }),
  );
});
