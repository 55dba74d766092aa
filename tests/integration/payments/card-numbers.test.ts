import { randomUUID } from 'node:crypto';
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
