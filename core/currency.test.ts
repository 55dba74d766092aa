import { supplemental } from 'cldr-core/supplemental/currencyData.json';
import { codes, code as inIso } from 'currency-codes';
import { CURRENCIES, exponentOf } from './currency';

type Usage = { _to?: string; _tender?: string };

/** What is legal tender somewhere, as Unicode's CLDR knows it: revised twice a year. */
const inUse = new Set(
  Object.values(supplemental.currencyData.region).flatMap((usages: object[]) =>
    usages.flatMap((usage) =>
      Object.entries(usage as Record<string, Usage>)
        .filter(([, { _to, _tender }]) => _to === undefined && _tender !== 'false')
        .map(([code]) => code),
    ),
  ),
);

/** In ISO 4217 but no region's tender: units of account that contracts are in, and two notes of one currency. */
const ALSO_OURS = ['CLF', 'SVC', 'UYI', 'UYW', 'VED'];

/** In ISO's list of June 2024, and no money to be paid with: metals, units of banks, codes for tests, ended currencies. */
const NOT_OURS = 'ANG BGN BOV CHE CHW COU CUC MXV USN XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX'.split(' ');

test('every currency in use is there, and no other', () => {
  expect(CURRENCIES.filter((code) => !inUse.has(code))).toEqual(ALSO_OURS);
  expect([...inUse].filter((code) => !CURRENCIES.includes(code))).toEqual([]);
});

test('the Caribbean guilder is in, the Antillean one out', () => {
  expect([exponentOf('XCG'), exponentOf('ANG')]).toEqual([2, undefined]);
});

test('minor units are those of ISO 4217', () => {
  // The Caribbean guilder is newer than that list.
  const digitsOf = (code: string) => (code === 'XCG' ? 2 : inIso(code)?.digits);
  expect(CURRENCIES.map((code) => [code, exponentOf(code)])).toEqual(CURRENCIES.map((code) => [code, digitsOf(code)]));
  expect(
    codes()
      .filter((code) => !CURRENCIES.includes(code))
      .sort(),
  ).toEqual(NOT_OURS);
});
