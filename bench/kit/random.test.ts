import { seededRandom, shuffled } from './random';

describe('seeded random numbers', () => {
  it('are the same for the same seed', () => {
    const [first, second] = [seededRandom(7), seededRandom(7)];
    expect(Array.from({ length: 5 }, first)).toEqual(Array.from({ length: 5 }, second));
    expect(seededRandom(8)()).not.toBe(seededRandom(7)());
  });

  it('fill [0, 1) evenly', () => {
    const random = seededRandom(1);
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 10_000; draw++) {
      const tenth = Math.floor(random() * 10);
      counts[tenth] = (counts[tenth] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
  });

  it('shuffle without losing anything', () => {
    expect(shuffled(seededRandom(3), [1, 2, 3, 4, 5]).sort()).toEqual([1, 2, 3, 4, 5]);
  });
});
