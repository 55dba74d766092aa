import { Arrivals } from './arrivals';

describe('arrivals', () => {
  it('keep the time and id of a first arrival, and count the others', () => {
    const arrivals = new Arrivals();
    arrivals.add(2, 10.5, 'a');
    arrivals.add(2, 11.5, 'b');
    arrivals.add(0, 12.5, 'c');
    expect(arrivals.toJSON()).toEqual({ firstAt: [12.5, 0, 10.5], times: [1, 0, 2], ids: ['c', '', 'a'] });
    expect(arrivals.distinct).toBe(2);
  });

  it('know what has come in', () => {
    const arrivals = new Arrivals();
    arrivals.add(2, 10.5, 'a');
    expect([arrivals.has(1), arrivals.has(2), arrivals.has(9_999)]).toEqual([false, true, false]);
  });

  it('have room for any number', () => {
    const arrivals = new Arrivals();
    arrivals.add(1, 1, 'x');
    arrivals.add(5_000, 2, 'y');
    const { firstAt, times } = arrivals.toJSON();
    expect([firstAt.length, firstAt[1], firstAt[5_000], times[1], times[5_000]]).toEqual([5_001, 1, 2, 1, 1]);
  });
});
