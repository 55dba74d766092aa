import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { newId } from '../../../core/ids';
import { createApi, type TestApi } from '../../support/api-support';
import { captureEverything } from '../../support/log-capture';

const capture = captureEverything();
let api: TestApi;
beforeAll(async () => {
  api = await createApi({ log: capture.log });
});
afterAll(() => api.close());

async function everythingStored(): Promise<string> {
  const tables = await api.deps.pool.query<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  const texts: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await api.deps.pool.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join('\n');
}

test.each(['4111111111111111', '4111-1111-1111-1111', '378282246310005'])(
  'a card number in place of a token is refused, and neither stored, logged nor shown: %s',
  async (token) => {
    const source = { type: 'card', token };
    const orderId = newId('ord');
    for (const [path, body] of [
      ['/v1/payments', { orderId, source }],
      [`/v1/orders/${orderId}/pay`, { source }],
    ] as const) {
      const answer = await api.call('POST', path, { idempotencyKey: randomUUID(), body });
      expect([answer.status, answer.body.errors]).toEqual([
        422,
        [{ in: 'body', pointer: '#/source/token', detail: expect.stringMatching(/^is a card number/) }],
      ]);
      expect(answer.text).not.toContain(token);
    }
    expect(await everythingStored()).not.toContain(token);
    expect(capture.lines.join('\n')).not.toContain(token);
  },
);

test('a token of digits that is no card number is a token', async () => {
  const body = { orderId: newId('ord'), source: { type: 'card', token: '4111111111111112' } };
  const { body: problem } = await api.call('POST', '/v1/payments', { body });
  // No provider is configured here: that is all that is wrong with it.
  expect(problem.errors?.[0]?.pointer).toBe('#/source/type');
});

const CARD = 'card 4111 1111 1111 1111 12/27';
const [order, payment, refund, wallet] = [newId('ord'), newId('pay'), newId('ref'), newId('wal')];
const [merchant, chargeback, transaction] = [newId('mer'), newId('cbk'), newId('ltx')];
const price = { amount: '100', currency: 'EUR' };
const DAY = '/api/v2/finance/settlement';

test.each([
  ['/v1/orders', { merchantId: merchant, ...price, reference: CARD }, '#/reference'],
  ['/v1/orders', { merchantId: merchant, ...price, metadata: { note: '4111111111111111' } }, '#/metadata/note'],
  ['/v1/orders', { merchantId: merchant, ...price, metadata: { '4111111111111111': 'x' } }, '#/metadata'],
  [`/v1/payments/${payment}/refunds`, { reason: CARD }, '#/reason'],
  [`/v1/payments/${payment}/refunds/${refund}/resolve`, { as: 'refunded', reason: CARD }, '#/reason'],
  [`/v1/payments/${payment}/resolve`, { as: 'voided', note: CARD }, '#/note'],
  [`/v1/chargebacks/${chargeback}/resolve`, { as: 'won', reason: CARD }, '#/reason'],
  ['/v1/wallets', { owner: CARD, currency: 'EUR' }, '#/owner'],
  [`/v1/wallets/${wallet}/credits`, { amount: '1', reason: CARD }, '#/reason'],
  ['/v1/merchants', { name: CARD }, '#/name'],
  [`/v1/merchants/${merchant}/adjustments`, { ...price, reason: CARD }, '#/reason'],
  [`/v1/ledger/transactions/${transaction}/reverse`, { reason: CARD }, '#/reason'],
  [`${DAY}/2026-10-29/corrections`, { reason: CARD }, '#/reason'],
  [`${DAY}/merchants/${merchant}/bring-back`, { reason: CARD }, '#/reason'],
])('a card number in what people write is refused: %s %j', async (path, body, pointer) => {
  const answer = await api.call('POST', path, { body });
  expect([answer.status, answer.body.errors]).toEqual([
    422,
    [{ in: 'body', pointer, detail: expect.stringMatching(/has what looks like a card number: never send one here/) }],
  ]);
  expect(answer.text).not.toMatch(/4111/);
  expect(await everythingStored()).not.toMatch(/4111 1111|4111111111111111/);
});

test('own numbers of any digits, ids and amounts are none, and a payload is the customer’s', async () => {
  const body = { merchantId: merchant, ...price, reference: '4111111111111111', metadata: { order: order } };
  // The tenant is no business: that is all that is wrong with it.
  expect((await api.call('POST', '/v1/orders', { body })).status).toBe(409);
  const message = { eventType: 'a', payload: { note: CARD } };
  expect((await api.call('POST', '/v1/messages', { body: message })).status).toBe(202);
});

test('texts of the money API are looked through, but for ids of the provider', () => {
  const bare = ['payments', 'merchants', 'ledger', 'settlement'].flatMap((folder) => {
    const at = path.resolve(__dirname, '../../../api', folder);
    const files = readdirSync(at, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    return files.flatMap((file) => {
      const lines = readFileSync(path.join(at, file), 'utf8').split('\n');
      return lines.filter((line) => /\b(nonEmptyText\(|text\(|metadataSchema\.)/.test(line));
    });
  });
  for (const line of bare) expect(line).toMatch(/\b(providerReference|chargeId)\b/);
  expect(bare).not.toEqual([]);
});
