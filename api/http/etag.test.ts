import { isExpected } from '../../core/expected-version';
import { etag, ifMatchHeaders } from './etag';

const parse = (header: string) => ifMatchHeaders.safeParse({ 'if-match': header });

test.each([
  ['"7"', [7]],
  [' "7" ', [7]],
  ['"6", "7"', [6, 7]],
  ['"6","7"', [6, 7]],
  ['*', 'any'],
  // They match nothing, but are no mistake.
  ['W/"7"', []],
  ['"abc,def"', []],
  ['""', []],
  ['"07"', []],
])('If-Match: %s expects %p', (header, expected) => {
  expect(parse(header).data?.['if-match']).toEqual(expected);
});

test.each(['7', '', '"7', '7"', '"7" "8"', '"7",', ',"7"', '"7"8', '*, "7"', `"${'7'.repeat(1_000)}"`])(
  'If-Match: %s is a mistake',
  (header) => {
    expect(parse(header).success).toBe(false);
  },
);

test('without the header nothing is expected, and with it something that exists', () => {
  expect(ifMatchHeaders.parse({})).toEqual({});
  expect([isExpected(undefined, undefined), isExpected('any', undefined), isExpected([], 1)]).toEqual([
    true,
    false,
    false,
  ]);
  expect([isExpected('any', 1), isExpected([2, 1], 1), isExpected([2], 1)]).toEqual([true, true, false]);
});

test('an answer names the version that it shows', () => {
  expect(etag({ version: 7 })).toEqual({ etag: '"7"' });
});
