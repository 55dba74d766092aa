import fc from 'fast-check';
import { quietUntil } from './quiet-hours';

const at = (text: string) => Date.parse(text);
const NIGHT = { start: '22:00', end: '07:00', channels: null };
const DAY = { start: '12:00', end: '14:30', channels: null };

test.each([
  ['before midnight', NIGHT, '2026-11-20T22:30:00+01:00', '2026-11-21T07:00:00+01:00'],
  ['after midnight', NIGHT, '2026-11-21T06:59:59+01:00', '2026-11-21T07:00:00+01:00'],
  ['at its first minute', NIGHT, '2026-11-20T22:00:00+01:00', '2026-11-21T07:00:00+01:00'],
  ['at its end', NIGHT, '2026-11-21T07:00:00+01:00', undefined],
  ['within a day', DAY, '2026-11-21T12:00:01+01:00', '2026-11-21T14:30:00+01:00'],
  ['outside of it', DAY, '2026-11-21T14:30:00+01:00', undefined],
  ['across a spring night', NIGHT, '2026-03-28T23:00:00+01:00', '2026-03-29T07:00:00+02:00'],
  ['across an autumn night', NIGHT, '2026-10-24T23:00:00+02:00', '2026-10-25T07:00:00+01:00'],
  [
    'up to a time that clocks leave out',
    { ...NIGHT, end: '02:30' },
    '2026-03-29T01:00:00+01:00',
    '2026-03-29T03:00:00+02:00',
  ],
  [
    'up to a time that comes twice',
    { ...NIGHT, end: '02:30' },
    '2026-10-25T01:00:00+02:00',
    '2026-10-25T02:30:00+02:00',
  ],
  [
    'within the hour that comes twice',
    { ...NIGHT, end: '02:30' },
    '2026-10-25T02:10:00+01:00',
    '2026-10-25T02:30:00+01:00',
  ],
])('%s', (_name, quiet, moment, until) => {
  const expected = until === undefined ? undefined : at(until);
  expect(quietUntil(at(moment), quiet, 'Europe/Berlin')).toBe(expected);
});

test('hours that begin when they end are none', () => {
  expect(quietUntil(0, { start: '07:00', end: '07:00', channels: null }, 'UTC')).toBeUndefined();
});

const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([hours, minutes]) => `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`);

test('it is quiet at every minute until it ends, and then not, whatever clocks do', () => {
  const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo', 'UTC');
  const changes = [at('2026-03-29T01:00Z'), at('2026-10-25T01:00Z'), at('2026-03-08T07:00Z'), at('2026-04-04T15:00Z')];
  const moments = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -172_800, max: 172_800 }))
    .map(([change, seconds]) => change + seconds * 1_000);
  fc.assert(
    fc.property(moments, clock, clock, zones, (moment, start, end, zone) => {
      const quiet = { start, end, channels: null };
      const until = quietUntil(moment, quiet, zone);
      if (until === undefined) return;
      expect(until).toBeGreaterThan(moment);
      expect(quietUntil(until, quiet, zone)).toBeUndefined();
      for (let on = moment; on < until; on += 60_000) expect(quietUntil(on, quiet, zone)).toBe(until);
    }),
    { numRuns: 60 },
  );
});
