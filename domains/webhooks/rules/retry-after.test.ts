import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import fc from 'fast-check';
import { parseRetryAfter } from './retry-after';
import { MAX_RETRY_AFTER_MS, nextDelay } from './retry-schedule';

const now = Date.parse('2026-03-01T12:00:00Z');
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** A moment in the three forms of HTTP, written from what `toUTCString` gives. */
function formsOf(at: Date): Record<'fixed' | 'dashed' | 'asctime', string> {
  const fixed = at.toUTCString();
  const [, day = '', month = '', year = '', clock = ''] = /^\w+, (\d\d) (\w+) (\d+) (\S+)/.exec(fixed) ?? [];
  return {
    fixed,
    dashed: `${DAYS[at.getUTCDay()]}, ${day}-${month}-${year.slice(-2)} ${clock} GMT`,
    asctime: `${fixed.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${clock} ${year}`,
  };
}

test('the three forms are those of the standard', () => {
  expect(formsOf(new Date('1994-11-06T08:49:37Z'))).toEqual({
    fixed: 'Sun, 06 Nov 1994 08:49:37 GMT',
    dashed: 'Sunday, 06-Nov-94 08:49:37 GMT',
    asctime: 'Sun Nov  6 08:49:37 1994',
  });
});

test('seconds', () => {
  fc.assert(
    fc.property(fc.nat(9_999_999), (seconds) => {
      expect(parseRetryAfter(` ${seconds} `, now)).toBe(seconds * 1_000);
    }),
  );
});

test('a date in each of the three forms, counted from now, never negative', () => {
  const form = fc.constantFrom('fixed' as const, 'dashed' as const, 'asctime' as const);
  fc.assert(
    fc.property(form, fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), (name, seconds) => {
      const at = new Date(now + seconds * 1_000);
      expect(parseRetryAfter(formsOf(at)[name], now)).toBe(Math.max(0, seconds * 1_000));
    }),
  );
});

test('a year of two digits lies at most fifty years ahead, whenever that is asked', () => {
  const years = fc.tuple(fc.integer({ min: 1990, max: 2199 }), fc.integer({ min: -49, max: 50 }));
  fc.assert(
    fc.property(years, ([thisYear, ahead]) => {
      const asked = Date.UTC(thisYear, 5, 15);
      const at = new Date(Date.UTC(thisYear + ahead, 5, 15, 1));
      expect(parseRetryAfter(formsOf(at).dashed, asked)).toBe(Math.max(0, at.getTime() - asked));
    }),
  );
});

test.each([
  ['1.5', 1_500],
  ['60.0', 60_000],
  ['0.0001', 1],
  ['0', 0],
  ['00120', 120_000],
  ['\t120 ', 120_000],
  ['Sun, 01 Mar 2026 12:00:30 UTC', 30_000],
  ['sun, 1 mar 2026 12:00:30 gmt', 30_000],
  ['Sun, 01 Mar 2026 12:00:30 +0000', 30_000],
  ['Sun, 01-Mar-2026 12:00:30 GMT', 30_000],
  ['Sat, 28 Feb 2026 23:59:60 GMT', 0],
])('%j is %i ms', (header, expected) => {
  expect(parseRetryAfter(header, now)).toBe(expected);
});

test.each(['1'.padEnd(12, '0'), '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'])(
  'however much is asked for (%s), no more than an hour is waited',
  (header) => {
    const asked = parseRetryAfter(header, now);
    expect(Number.isSafeInteger(asked)).toBe(true);
    expect(nextDelay([1_000], 1, 0.5, asked)).toBe(MAX_RETRY_AFTER_MS);
  },
);

test.each([
  ...['', 'soon', '-5', '+5', '5s', '0x10', '1e9', '1e3', '.5', '1,5', '5, 6', '1 2', 'Infinity', 'NaN', '1_000', '５'],
  ...['Thu, 99 Foo 2026 00:00:00 GMT', 'Mon, 30 Feb 2026 00:00:00 GMT', 'Sun, 00 Mar 2026 00:00:00 GMT'],
  ...['Sun, 01 Mar 2026 24:00:00 GMT', 'Sun, 01 Mar 2026 12:60:00 GMT', 'Sun, 01 Mar 2026 12:00:61 GMT'],
  // Another zone is not a date of HTTP: to take it for UTC would be worse than to follow the schedule.
  ...['Sun, 01 Mar 2026 12:00:30 PST', 'Sun, 01 Mar 2026 12:00:30 +0100', 'Sun, 01 Mar 2026 12:00:30'],
  ...['2026-03-01T12:00:30Z', '1772366430abc', 'Sun Mar 1 12:00:30 GMT 2026'],
])('%j is ignored', (header) => {
  expect(parseRetryAfter(header, now)).toBeUndefined();
});

test('whatever is sent, the wait is a number from the schedule’s to an hour', () => {
  const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') });
  const header = fc.oneof(
    fc.string(),
    fc.nat().map(String),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc
      .tuple(date, fc.constantFrom('fixed' as const, 'dashed' as const, 'asctime' as const), fc.nat(40))
      .map(([at, form, cut]) => formsOf(at)[form].slice(0, cut)),
  );
  fc.assert(
    fc.property(header, (sent) => {
      const asked = parseRetryAfter(sent, now);
      expect(asked === undefined || (Number.isSafeInteger(asked) && asked >= 0)).toBe(true);
      const delay = nextDelay([1_000], 1, 0.5, asked) ?? Number.NaN;
      expect(delay).toBeGreaterThanOrEqual(1_000);
      expect(delay).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
    }),
    { numRuns: 1_000 },
  );
});

test('the zone of the process makes no difference', () => {
  const source = readFileSync(join(__dirname, 'retry-after.ts'), 'utf8');
  const { code } = transformSync(source, { jsc: { parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } });
  const headers = Object.values(formsOf(new Date(now + 90_000)));
  const program = `${code}
    const zones = ['UTC', 'Asia/Kathmandu', 'America/Los_Angeles', 'Pacific/Kiritimati', 'Pacific/Pago_Pago'];
    console.log(JSON.stringify(zones.map((zone) => {
      process.env.TZ = zone;
      const offset = new Date(${now}).getTimezoneOffset();
      return [offset, ...${JSON.stringify(headers)}.map((header) => exports.parseRetryAfter(header, ${now}))];
    })));`;
  const seen = JSON.parse(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }));
  expect(seen).toEqual([0, -345, 480, -840, 660].map((offset) => [offset, 90_000, 90_000, 90_000]));
});
