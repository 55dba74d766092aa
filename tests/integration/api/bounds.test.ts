import { MAX_SINGLE_AMOUNT } from '../../../core/money';
import { createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const wrong = async (path: string, body?: object) => {
  const answer = await api.call(body === undefined ? 'GET' : 'POST', path, body === undefined ? {} : { body });
  return [answer.status, answer.body.errors?.map(({ pointer }: { pointer: string }) => pointer)];
};

test.each(['1e1', '+5', ' 5', '5 ', '5.0', '05', '0x5', '-1', '0', '251', '', '5&limit=6', '٥', '1_0'])(
  'a number in a query is digits, and not %j',
  async (text) => {
    const limit = text.includes('&') ? text : encodeURIComponent(text);
    expect(await wrong(`/v1/endpoints?limit=${limit}`)).toEqual([422, ['#/limit']]);
    if (!['251', '5&limit=6'].includes(text)) {
      expect(await wrong(`/api/v2/finance/settlement/audit/verify?limit=${limit}`)).toEqual([422, ['#/limit']]);
      expect(await wrong(`/api/v2/finance/settlement/audit/verify?seq=${limit}&hash=${'0'.repeat(64)}`)).toEqual([
        422,
        ['#/seq'],
      ]);
    }
  },
);

test('a page has the default size, and those that are asked for', async () => {
  for (const limit of ['', 'limit=1', 'limit=250']) {
    expect((await api.call('GET', `/v1/endpoints?${limit}`)).status).toBe(200);
  }
});

const order = (fields: object) => ({
  merchantId: `mer_${'0'.repeat(32)}`,
  amount: '100',
  currency: 'EUR',
  ...fields,
});

test.each([
  ['#/amount', { amount: '0' }],
  ['#/amount', { amount: '-1' }],
  ['#/amount', { amount: String(MAX_SINGLE_AMOUNT + 1n) }],
  ['#/amount', { amount: '1.5' }],
  ['#/amount', { amount: '01' }],
  ['#/currency', { currency: 'eur' }],
  ['#/currency', { currency: 'XXX' }],
  ['#/reference', { reference: '\u{1f600}'.repeat(201) }],
  ['#/reference', { reference: 'a\0b' }],
  ['#/metadata', { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v'])) }],
  ['#/metadata/k', { metadata: { k: 'v'.repeat(513) } }],
])('an order with a wrong %s is refused', async (pointer, fields) => {
  expect(await wrong('/v1/orders', order(fields))).toEqual([422, [pointer]]);
});

test('lengths count characters as the document does, whatever their plane', async () => {
  const body = { name: 'length.of.text', description: '\u{1f600}'.repeat(2_000) };
  const { status, body: made } = await api.call('POST', '/v1/event-types', { body });
  expect([status, made.description]).toEqual([201, body.description]);
});
