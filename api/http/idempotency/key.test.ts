import { idempotencyKeyOf } from './key';

const KEY = '6f1d2c3b-8a4e-4f5a-9b6c-7d8e9f0a1b2c';

test.each([KEY, KEY.toUpperCase(), `"${KEY}"`, ` ${KEY} `, ` "${KEY.toUpperCase()}" `])('%j is the key', (header) => {
  expect(idempotencyKeyOf(header, 'required')).toBe(KEY);
  expect(idempotencyKeyOf(header, 'optional')).toBe(KEY);
});

test.each([
  ['nothing', ''],
  ['only quotes', '""'],
  ['a word', 'order-1'],
  ['no dashes', KEY.replaceAll('-', '')],
  ['braces', `{${KEY}}`],
  ['one quote', `"${KEY}`],
  ['single quotes', `'${KEY}'`],
  ['space inside the quotes', `" ${KEY}"`],
  ['two keys', `${KEY}, ${KEY}`],
  ['version 1', KEY.replace('-4', '-1')],
  ['version 7', KEY.replace('-4', '-7')],
  ['another variant', KEY.replace('-9', '-c')],
  ['nil', '00000000-0000-0000-0000-000000000000'],
  ['a line break', `${KEY}\n`.replace(KEY, `${KEY}\nx`)],
])('%s is malformed', (_name, header) => {
  for (const policy of ['required', 'optional'] as const) {
    expect(() => idempotencyKeyOf(header, policy)).toThrow(
      expect.objectContaining({ code: 'idempotency-key-malformed' }),
    );
  }
});

test('several headers are malformed', () => {
  expect(() => idempotencyKeyOf([KEY, KEY], 'optional')).toThrow(
    expect.objectContaining({ code: 'idempotency-key-malformed' }),
  );
});

test('a missing key is an error only where one is required', () => {
  expect(idempotencyKeyOf(undefined, 'optional')).toBeUndefined();
  expect(() => idempotencyKeyOf(undefined, 'required')).toThrow(
    expect.objectContaining({ code: 'idempotency-key-missing', status: 400 }),
  );
});

test('other routes do not look at it', () => {
  expect(idempotencyKeyOf('anything', undefined)).toBeUndefined();
  expect(idempotencyKeyOf('anything', 'own')).toBeUndefined();
});
