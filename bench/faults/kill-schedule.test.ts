import { type KillScheduleOptions, killSchedule } from './kill-schedule';

const NAMES = ['api', 'worker', 'temporal', 'redis', 'postgres'];
const options = (seed: number): KillScheduleOptions => ({
  seed,
  names: NAMES,
  durationMs: 30_000,
  gapMs: [1_000, 4_000],
  downMs: [200, 3_000],
});
const SEEDS = Array.from({ length: 200 }, (_, index) => index * 7_919);

describe('kill schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(killSchedule(options(42))).toEqual(killSchedule(options(42)));
    expect(killSchedule(options(42))).not.toEqual(killSchedule(options(43)));
  });

  it('kills every process in 30 s, whatever the seed', () => {
    for (const seed of SEEDS) {
      const killed = new Set(killSchedule(options(seed)).map(({ name }) => name));
      expect([seed, killed.size]).toEqual([seed, NAMES.length]);
    }
  });

  it('keeps its bounds', () => {
    for (const seed of SEEDS) {
      let last = 0;
      for (const { atMs, downMs } of killSchedule(options(seed))) {
        expect(atMs).toBeGreaterThanOrEqual(last + 999);
        expect(downMs).toBeGreaterThanOrEqual(200);
        expect(downMs).toBeLessThanOrEqual(3_000);
        expect(atMs + downMs).toBeLessThanOrEqual(30_001);
        last = atMs;
      }
    }
  });

  it('never kills what is still down', () => {
    for (const seed of SEEDS) {
      const upAt = new Map<string, number>();
      const close = { ...options(seed), gapMs: [50, 200] as const };
      for (const { name, atMs, downMs } of killSchedule(close)) {
        expect(atMs).toBeGreaterThanOrEqual((upAt.get(name) ?? 0) - 1);
        upAt.set(name, atMs + downMs);
      }
    }
  });

  it('has several down at once now and then', () => {
    const overlapping = SEEDS.filter((seed) => {
      const kills = killSchedule(options(seed));
      return kills.some(
        (kill, index) => kill.atMs + kill.downMs > (kills[index + 1]?.atMs ?? Number.POSITIVE_INFINITY),
      );
    });
    expect(overlapping.length).toBeGreaterThan(SEEDS.length / 4);
  });
});
