import fc from 'fast-check';
import { quickestMs } from '../tests/support/quickest';
import { FairQueue } from './fair-queue';

const drain = <T>(queue: FairQueue<T>): (T | undefined)[] => Array.from({ length: queue.length }, () => queue.shift());

test('groups take turns, and a group that comes later waits for one of each', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) queue.push(item.charAt(0), item);
  expect(queue.peek()).toBe('a1');
  expect([queue.shift(), queue.shift()]).toEqual(['a1', 'b1']);
  queue.push('d', 'd1');
  expect(drain(queue)).toEqual(['c1', 'a2', 'b2', 'd1', 'a3']);
  expect([queue.length, queue.peek(), queue.shift()]).toEqual([0, undefined, undefined]);
});

test('a group that may not be taken keeps its turn', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'b1', 'c1', 'c2']) queue.push(item.charAt(0), item);
  expect(queue.shift((group) => group !== 'a')).toBe('b1');
  expect(queue.shift(() => false)).toBeUndefined();
  expect(drain(queue)).toEqual(['a1', 'c1', 'a2', 'c2']);
});

test('whichever groups may be taken, the first of them in the order of turns is', () => {
  const names = ['a', 'b', 'c', 'd'] as const;
  const step = fc.oneof(fc.record({ push: fc.constantFrom(...names) }), fc.record({ take: fc.subarray([...names]) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const queue = new FairQueue<number>();
      /** The groups that wait, in the order of their turns. */
      let model: { group: string; items: number[] }[] = [];
      for (const [n, each] of steps.entries()) {
        if ('push' in each) {
          queue.push(each.push, n);
          const known = model.find(({ group }) => group === each.push);
          if (known === undefined) model.push({ group: each.push, items: [n] });
          else known.items.push(n);
          continue;
        }
        const may = new Set<string>(each.take);
        const next = model.find(({ group }) => may.has(group));
        expect(queue.shift((group) => may.has(group))).toBe(next?.items.shift());
        if (next === undefined) continue;
        model = model.filter((line) => line !== next);
        if (next.items.length > 0) model.push(next);
      }
      expect(queue.length).toBe(model.reduce((sum, { items }) => sum + items.length, 0));
    }),
  );
});

test('whatever comes and goes: nothing is lost, groups keep their order, and none is served twice while another waits', () => {
  const group = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(fc.record({ push: group, count: fc.integer({ min: 1, max: 80 }) }), fc.nat(120));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = new FairQueue<{ group: string; n: number }>();
      /** What should wait, by group; and how often each other group was served since a group began to wait. */
      const model = new Map<string, number[]>();
      const servedWhile = new Map<string, Map<string, number>>();
      let next = 0;
      const take = () => {
        expect(queue.length).toBe([...model.values()].reduce((sum, { length }) => sum + length, 0));
        const peeked = queue.peek();
        const item = queue.shift();
        expect(peeked).toBe(item);
        if (item === undefined) {
          expect(queue.length).toBe(0);
          return;
        }
        const waiting = model.get(item.group);
        expect(waiting?.shift()).toBe(item.n);
        for (const [other, served] of servedWhile) {
          if (other === item.group) continue;
          served.set(item.group, (served.get(item.group) ?? 0) + 1);
          expect(served.get(item.group)).toBe(1);
        }
        if (waiting?.length === 0) {
          model.delete(item.group);
          servedWhile.delete(item.group);
        } else servedWhile.set(item.group, new Map());
      };
      for (const each of steps) {
        if (typeof each === 'number') for (let n = 0; n < each; n++) take();
        else
          for (let n = 0; n < each.count; n++) {
            if (!servedWhile.has(each.push)) servedWhile.set(each.push, new Map());
            model.set(each.push, [...(model.get(each.push) ?? []), next]);
            queue.push(each.push, { group: each.push, n: next++ });
          }
      }
      while (queue.length > 0) take();
      expect(model.size).toBe(0);
    }),
    { numRuns: 30 },
  );
});

test('a hundred thousand items of one group are taken as fast as they came', async () => {
  let wrong = 0;
  const work = () => {
    const queue = new FairQueue<number>();
    for (let n = 0; n < 100_000; n++) queue.push('a', n);
    for (let n = 0; n < 100_000; n++) if (queue.shift() !== n) wrong++;
  };
  expect(await quickestMs(1_000, work)).toBeLessThan(1_000);
  expect(wrong).toBe(0);
});
