import { type CpuProfile, summarize } from './cpu-profile';

const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 0 });

/** root → a (dist/api) → b (pg) → a again; and idle. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', ''), children: [2, 5] },
    { id: 2, callFrame: frame('a', 'file:///x/dist/api/a.js'), children: [3] },
    { id: 3, callFrame: frame('b', 'file:///x/node_modules/pg/lib/b.js'), children: [4] },
    { id: 4, callFrame: frame('a', 'file:///x/dist/api/a.js') },
    { id: 5, callFrame: frame('(idle)', '') },
  ],
  samples: [2, 3, 4, 5],
  timeDeltas: [10, 20, 10, 60],
};

describe('the summary of a CPU profile', () => {
  const { busyShare, functions, parts } = summarize(profile);

  it('leaves idle time out of the shares', () => {
    expect(busyShare).toBeCloseTo(0.4);
    expect(functions.reduce((sum, { self }) => sum + self, 0)).toBeCloseTo(1);
  });

  it('counts a function that is called from within itself once', () => {
    expect(functions.find(({ name }) => name.startsWith('a '))).toEqual({ name: 'a api/a.js:1', self: 0.5, total: 1 });
    expect(functions.find(({ name }) => name.startsWith('b '))?.total).toBeCloseTo(0.75);
  });

  it('groups by package and by folder', () => {
    expect(parts.map(({ name, self }) => [name, self])).toEqual(
      expect.arrayContaining([
        ['api', 0.5],
        ['pg', 0.5],
      ]),
    );
  });
});
