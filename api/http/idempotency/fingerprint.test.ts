import { fingerprintOf } from './fingerprint';

const raw = { params: { id: 'a' }, query: { q: '1' }, headers: {}, body: { amount: 1, currency: 'EUR' } };
const hex = (route: string, input: Parameters<typeof fingerprintOf>[1]) => fingerprintOf(route, input).toString('hex');
const first = hex('POST /a', raw);

test('is 32 bytes that do not depend on headers or on how JSON was written', () => {
  expect(fingerprintOf('POST /a', raw)).toHaveLength(32);
  expect(
    hex('POST /a', { ...raw, headers: { 'x-a': '1' }, body: JSON.parse('{"currency":"EUR", "amount":1.0}') }),
  ).toBe(first);
});

test.each([
  ['route', 'POST /b', {}],
  ['path', 'POST /a', { params: { id: 'b' } }],
  ['query', 'POST /a', { query: { q: '2' } }],
  ['body', 'POST /a', { body: { amount: 2, currency: 'EUR' } }],
  ['type of a value', 'POST /a', { body: { amount: '1', currency: 'EUR' } }],
  ['presence of the body', 'POST /a', { body: undefined }],
])('another %s is another fingerprint', (_name, route, change) => {
  expect(hex(route, { ...raw, ...change })).not.toBe(first);
});

test('no body is not the body null, and a text is what it says', () => {
  expect(hex('POST /a', { ...raw, body: undefined })).not.toBe(hex('POST /a', { ...raw, body: null }));
  expect(hex('POST /a', { ...raw, body: 'a;b\n1;2' })).not.toBe(hex('POST /a', { ...raw, body: 'a;b\n1;3' }));
});
