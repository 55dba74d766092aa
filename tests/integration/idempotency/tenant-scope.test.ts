import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Response } from 'supertest';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { ADMIN_KEY } from '../../support/api-support';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi();
});
afterAll(() => api.close());

async function rows<R extends object>(text: string, ...values: unknown[]): Promise<R[]> {
  return (await api.deps.pool.query<R>(text, values)).rows;
}

async function newKey(scopes: string[]): Promise<{ id: PublicId; key: string }> {
  const body = { name: 'test', scopes, tenantId: api.tenantId };
  return (await api.call('POST', '/v1/api-keys', { key: ADMIN_KEY, body })).body;
}

function expectReplayed(answer: Response, first: Response): void {
  expect([answer.status, answer.body]).toEqual([first.status, first.body]);
  expect(answer.get('idempotent-replayed')).toBe('true');
}

describe('a request is the tenant’s, whichever of its API keys sends it', () => {
  test('a refund is not made again after its API key was rotated', async () => {
    const paid = await api.payByCard('tok_ok');
    expect(paid.body.state).toBe('captured');
    const old = await newKey(['payments:write', 'api-keys:write']);
    const idempotencyKey = randomUUID();
    const refund = (key: string) =>
      api.call('POST', `/v1/payments/${paid.body.id}/refunds`, { key, idempotencyKey, body: { amount: '2500' } });
    const first = await refund(old.key);
    expect([first.status, first.body.state]).toEqual([201, 'succeeded']);

    const rotated = await api.call('POST', `/v1/api-keys/${old.id}/rotate`, { body: { overlap: '0s' } });
    expectReplayed(await refund(rotated.body.key), first);
    expect((await refund(old.key)).status).toBe(401);
    // A key with fewer scopes, but those that the route needs.
    expectReplayed(await refund((await newKey(['payments:write'])).key), first);
    expect((await refund((await newKey(['payments:read'])).key)).status).toBe(403);

    expect(await rows('SELECT FROM refunds WHERE payment_id = $1', toUuid(paid.body.id))).toHaveLength(1);
    const { body } = await api.call('GET', `/v1/payments/${paid.body.id}`);
    expect(body.refundedAmount).toBe('2500');
  });

  test('of many with two keys at once one is executed', async () => {
    const paid = await api.payByCard('tok_ok');
    const keys = [await newKey(['payments:write']), await newKey(['payments:write'])];
    const idempotencyKey = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        api.call('POST', `/v1/payments/${paid.body.id}/refunds`, {
          key: keys[n % 2]?.key ?? null,
          idempotencyKey,
          body: { amount: '100' },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
    expect(await rows('SELECT FROM refunds WHERE payment_id = $1', toUuid(paid.body.id))).toHaveLength(1);
  });

  test('another request under the same key is refused, whichever API key sends it', async () => {
    const idempotencyKey = randomUUID();
    const order = (key: string, amount: string) =>
      api.call('POST', '/v1/orders', {
        key,
        idempotencyKey,
        body: { merchantId: api.merchantId, amount, currency: 'EUR' },
      });
    expect((await order(api.key, '100')).status).toBe(201);
    const other = await order((await newKey(['payments:write'])).key, '200');
    expect([other.status, other.body.type]).toEqual([422, '/docs/problems#idempotency-key-reuse']);
  });
});

describe('an answer that holds a secret', () => {
  test.each([
    ['an API key', '/v1/api-keys', { name: 'k', scopes: ['messages:write'] }, 'api-keys:write'],
    ['an endpoint', '/v1/endpoints', { url: 'http://127.0.0.1:65001/' }, 'endpoints:write'],
  ])('is repeated only to an API key with all scopes of the first: %s', async (_what, where, body, scope) => {
    const first = await newKey([scope, 'messages:write', 'payments:read']);
    const equal = await newKey([scope, 'messages:write', 'payments:read']);
    const lesser = await newKey([scope, 'messages:write']);
    const idempotencyKey = randomUUID();
    const post = (key: string) => api.call('POST', where, { key, idempotencyKey, body });
    const made = await post(first.key);
    expect(made.status).toBe(201);
    const refused = await post(lesser.key);
    expect([refused.status, refused.body.type]).toEqual([403, '/docs/problems#insufficient-scope']);
    expect(refused.text).not.toContain(made.body.key ?? made.body.secret);
    expectReplayed(await post(equal.key), made);
  });
});

test('records of the old form stay valid, and of two under one key the one that can be repeated', async () => {
  const { pool, keyring } = api.deps;
  const file = path.resolve(__dirname, '../../../infra/postgres/migrations/0016_tenant_namespaces.sql');
  const [up = '', down = ''] = (await readFile(file, 'utf8')).split('-- Down Migration');
  const kept = await api.call('POST', '/v1/orders', {
    idempotencyKey: randomUUID(),
    body: { merchantId: api.merchantId, amount: '100', currency: 'EUR' },
  });
  const [record] = await rows<Record<string, unknown>>(
    `SELECT * FROM idempotency_records WHERE route = 'POST /v1/orders' ORDER BY created_at DESC LIMIT 1`,
  );
  if (record === undefined) throw new Error('the order has left no record');
  const { key, fingerprint, effect_id } = record;
  await pool.query('DELETE FROM idempotency_records WHERE key = $1', [key]);
  const overdue = `settlement.overdue/${randomUUID()}/2026-01-01`;
  const messageId = toUuid(newId('msg'));

  const principals = [await newKey(['*']), await newKey(['*']), await newKey(['*'])].map(({ id }) => id);
  await pool.query(down);
  const insert = async (principal: PublicId, body: string, age: string, expires: string) => {
    const place = `idempotency_records/${toUuid(api.tenantId)}/${toUuid(principal)}/POST /v1/orders/${key}`;
    await pool.query(
      `INSERT INTO idempotency_records (tenant_id, principal_id, route, key, fingerprint, state, effect_id, status_code,
         headers, body, created_at, completed_at, expires_at)
       VALUES ($1, $2, 'POST /v1/orders', $3, $4, 'completed', $5, 201, '{"content-type":"application/json; charset=utf-8"}',
         $6, now() - $7::interval, now(), now() + $8::interval)`,
      [
        toUuid(api.tenantId),
        toUuid(principal),
        key,
        fingerprint,
        effect_id,
        keyring.encrypt(body, place),
        age,
        expires,
      ],
    );
  };
  await insert(principals[0] ?? '', '{"n":"expired"}', '3 days', '-1 hour');
  await insert(principals[1] ?? '', kept.text, '2 hours', '1 hour');
  await insert(principals[2] ?? '', '{"n":"later"}', '1 hour', '1 hour');
  await pool.query(
    'INSERT INTO message_keys (tenant_id, key, message_id, fingerprint) VALUES ($1, $2, $3, $4), ($1, $5, $3, $4)',
    [toUuid(api.tenantId), `event:${overdue}`, messageId, Buffer.alloc(32), 'event:order-1'],
  );

  await pool.query(up);
  const again = await api.call('POST', '/v1/orders', {
    idempotencyKey: String(key),
    body: { merchantId: api.merchantId, amount: '100', currency: 'EUR' },
  });
  expectReplayed(again, kept);
  const keys = await rows<{ key: string }>(
    'SELECT key FROM message_keys WHERE message_id = $1 ORDER BY key',
    messageId,
  );
  expect(keys.map((row) => row.key)).toEqual(['event:order-1', `system:${overdue}`]);
});
