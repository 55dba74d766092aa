import fc from 'fast-check';
import { formatDuration, parseDuration } from './duration';

test.each([
  ['0ms', 0],
  ['250ms', 250],
  ['5s', 5_000],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['0.0004s', 0],
])('%s is %i milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', 's', '5 s', '-5s', '+5s', '5S', '5sec', '.5s', '5.s', '1e3s', '5s5s', ' 5s', '5s\n', 'Infinitys'])(
  '%j is not a duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('a duration too long to count is not a duration', () => {
  expect(parseDuration(`${'9'.repeat(400)}d`)).toBeUndefined();
});

test('what is written is read back as the same number of milliseconds', () => {
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});

test('a duration is written with the largest unit that divides it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.constantFrom('d', 'h', 'm', 's'), (count, unit) => {
      const text = `${count}${unit}`;
      const written = formatDuration(parseDuration(text) ?? Number.NaN);
      expect(written.length).toBeLessThanOrEqual(text.length);
      expect(parseDuration(written)).toBe(parseDuration(text));
    }),
  );
  expect([86_400_000, 90_000, 1_001, 3_600_000, 0].map(formatDuration)).toEqual(['1d', '90s', '1001ms', '1h', '0ms']);
});

test('no text makes the parser throw or answer with anything but whole milliseconds', () => {
  const numberLike = fc.tuple(
    fc.double({ min: 0, noNaN: true }).map(String),
    fc.constantFrom('ms', 's', 'm', 'h', 'd', ''),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        numberLike.map((parts) => parts.join('')),
      ),
      (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      },
    ),
  );
});
