import fc from 'fast-check';
import { Turns } from './turns';

test('groups take turns, and within a group the first come is the first', () => {
  const turns = new Turns<string>();
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) turns.push(name.charAt(0), name);
  const taken = Array.from({ length: 7 }, () => turns.take());
  expect(taken).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', undefined]);
});

test('a group that may not take keeps its turn', () => {
  const turns = new Turns<string>();
  for (const name of ['a1', 'a2', 'b1']) turns.push(name.charAt(0), name);
  expect(turns.take((group) => group !== 'a')).toBe('b1');
  expect(turns.take(() => false)).toBeUndefined();
  expect([turns.take(), turns.take(), turns.size]).toEqual(['a1', 'a2', 0]);
});

test('with any pushes, an item waits for at most one item of each other group per item of its own before it', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 }), (groups) => {
      const turns = new Turns<{ group: string; nth: number }>();
      const counts = new Map<string, number>();
      for (const group of groups) {
        const nth = counts.get(group) ?? 0;
        counts.set(group, nth + 1);
        turns.push(group, { group, nth });
      }
      const taken: { group: string; nth: number }[] = [];
      for (let item = turns.take(); item !== undefined; item = turns.take()) taken.push(item);
      expect(taken).toHaveLength(groups.length);
      taken.forEach(({ group, nth }, position) => {
        const others = taken.slice(0, position).filter((other) => other.group !== group);
        for (const other of counts.keys()) {
          expect(others.filter((before) => before.group === other).length).toBeLessThanOrEqual(nth + 1);
        }
      });
    }),
  );
});
