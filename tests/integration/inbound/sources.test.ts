import { toUuid } from '../../../core/ids';
import { listAudit } from '../../../domains/audit';
import { createApi, type TestApi } from '../../support/api-support';
import { createSource, standardWebhook } from '../../support/inbound';
import { TOPIC } from '../../support/sns';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const KEEP = { to: 'handler', handler: 'keep' };
const create = (body: object) => api.call('POST', '/v1/inbound/sources', { body: { name: 's', route: KEEP, ...body } });

test('a source is shown with the address that the sender posts to, and its secret only once', async () => {
  const made = await create({ scheme: 'github', description: 'ours', tolerance: '2m' });
  expect(made.status).toBe(201);
  const { secret, ...source } = made.body;
  expect(secret).toMatch(/^whsec_/);
  expect(source).toMatchObject({
    url: `/v1/inbound/${source.id}`,
    enabled: true,
    scheme: 'github',
    signing: null,
    eventId: { from: 'header', header: 'x-github-delivery' },
    tolerance: '2m',
    route: KEEP,
  });
  const read = await api.call('GET', made.headers.location ?? '');
  expect([read.body, read.headers.etag]).toEqual([source, made.headers.etag]);
  const { body: page } = await api.call('GET', '/v1/inbound/sources?limit=1');
  expect(page.data).toEqual([source]);
});

test.each([
  ['a sender that makes the secret itself', { scheme: 'stripe' }, '#/secret'],
  ['a secret that is none of the scheme', { scheme: 'standard-webhooks', secret: 'whsec_short' }, '#/secret'],
  ['a secret that no sender could have', { scheme: 'github', secret: ' a ' }, '#/secret'],
  ['a generic scheme that does not say how', { scheme: 'hmac-hex' }, '#/signing'],
  ['another scheme that does', { scheme: 'github', signing: { header: 'x-a' } }, '#/signing'],
  [
    'a template without the body',
    { scheme: 'hmac-hex', signing: { header: 'x-a', template: 'x' } },
    '#/signing/template',
  ],
  [
    'a time that is not signed',
    { scheme: 'hmac-hex', signing: { header: 'x-a', timestampHeader: 'x-t', template: '{body}' } },
    '#/signing/template',
  ],
  [
    'an id that is signed, and in no header',
    { scheme: 'hmac-hex', signing: { header: 'x-a', template: '{id}{body}' } },
    '#/signing/template',
  ],
  ['a handler that there is not', { scheme: 'github', route: { to: 'handler', handler: 'none' } }, '#/route/handler'],
  [
    "a type of Waybill's own",
    { scheme: 'github', route: { to: 'endpoints', eventType: 'payment.x' } },
    '#/route/eventType',
  ],
  ['a pointer to nothing', { scheme: 'github', eventId: { from: 'pointer', pointer: 'id' } }, '#/eventId/pointer'],
  ['SNS without a topic', { scheme: 'sns' }, '#/topicArns'],
  ['topics of another scheme', { scheme: 'github', topicArns: [TOPIC] }, '#/topicArns'],
  ['a topic that is none', { scheme: 'sns', topicArns: ['arn:aws:sqs:eu-central-1:1:a'] }, '#/topicArns/0'],
  ['SNS with a secret', { scheme: 'sns', topicArns: [TOPIC], secret: 'a' }, '#/secret'],
  ['an id that SNS does not sign', { scheme: 'sns', topicArns: [TOPIC], eventId: { from: 'body' } }, '#/eventId'],
  ["SendGrid's key that is none", { scheme: 'sendgrid', secret: 'a' }, '#/secret'],
  ['Mailgun without its key', { scheme: 'mailgun' }, '#/secret'],
  [
    'an id that Mailgun does not sign',
    { scheme: 'mailgun', secret: 'a', eventId: { from: 'pointer', pointer: '/event-data/id' } },
    '#/eventId',
  ],
  ['a password without a name', { scheme: 'basic-auth', secret: 'a' }, '#/secret'],
  ['a tolerance of hours', { scheme: 'github', tolerance: '2h' }, '#/tolerance'],
])('%s is refused', async (_name, body, pointer) => {
  const answer = await create(body);
  expect([answer.status, answer.body.errors?.map((error: { pointer: string }) => error.pointer)]).toEqual([
    422,
    [pointer],
  ]);
});

test('a source of SNS has topics, and no secret', async () => {
  const made = await create({ scheme: 'sns', topicArns: [TOPIC, TOPIC] });
  expect([made.status, made.body]).toEqual([
    201,
    expect.objectContaining({ secret: null, topicArns: [TOPIC], signing: null, tolerance: '1h' }),
  ]);
  const path = made.headers.location ?? '';
  expect((await api.call('POST', `${path}/secrets`)).body.errors?.[0]?.pointer).toBe('#/secret');
  const changed = await api.call('PATCH', path, { body: { topicArns: [`${TOPIC}2`] } });
  expect([changed.status, changed.body.topicArns, changed.body.name]).toEqual([200, [`${TOPIC}2`], 's']);
  expect((await api.call('PATCH', path, { body: { topicArns: [] } })).status).toBe(422);
});

test('a change counts from the next request on, and only in the version that was read', async () => {
  const source = await createSource(api, { route: KEEP });
  const path = `/v1/inbound/sources/${source.id}`;
  const send = async (ageMs = 0) => (await source.send(standardWebhook(source.secret, '{}', { ageMs }))).status;
  expect([await send(), await send(200_000)]).toEqual([202, 202]);
  const patch = (body: object, ifMatch: string) => api.call('PATCH', path, { body, headers: { 'if-match': ifMatch } });
  const changed = await patch({ tolerance: '1m' }, source.etag);
  expect([changed.status, changed.body.tolerance, await send(), await send(200_000)]).toEqual([200, '1m', 202, 401]);
  const stale = await patch({ enabled: false }, source.etag);
  expect([stale.status, stale.headers.etag, await send()]).toEqual([412, changed.headers.etag, 202]);
  expect((await patch({ enabled: false }, '*')).status).toBe(200);
  expect(await send()).toBe(401);
  expect((await patch({ enabled: true }, '*')).status).toBe(200);
  expect(await send()).toBe(202);
  const before = (await api.call('GET', path)).headers.etag;
  await api.call('POST', `${path}/secrets`);
  expect((await api.call('GET', path)).headers.etag).not.toBe(before);
  expect((await api.call('DELETE', path, { headers: { 'if-match': before ?? '' } })).status).toBe(412);
  expect((await api.call('DELETE', path, { headers: { 'if-match': '*' } })).status).toBe(204);
  expect([await send(), (await api.call('GET', path)).status]).toEqual([401, 404]);
});

test('a repeated creation makes one source, and answers with the same secret', async () => {
  const idempotencyKey = crypto.randomUUID();
  const body = { name: 'twice', scheme: 'shopify', route: KEEP, secret: 'from-shopify' };
  const answers = await Promise.all(
    [1, 2].map(() => api.call('POST', '/v1/inbound/sources', { body, idempotencyKey })),
  );
  const made = answers.filter(({ status }) => status === 201);
  expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
  const again = await api.call('POST', '/v1/inbound/sources', { body, idempotencyKey });
  expect([again.body.id, again.body.secret]).toEqual([made[0]?.body.id, 'from-shopify']);
});

test('whoever changes a source, its secrets or its blocks is in the audit log; no secret is anywhere', async () => {
  const tenant = await api.newTenant();
  const planted = 'PLANTED-secret-of-the-sender';
  const call = (method: string, path: string, body?: object) => api.call(method, path, { key: tenant.key, body });
  const made = await call('POST', '/v1/inbound/sources', {
    name: 's',
    scheme: 'shopify',
    route: KEEP,
    secret: planted,
  });
  const path = `/v1/inbound/sources/${made.body.id}`;
  await call('PATCH', path, { description: 'changed' });
  const added = await call('POST', `${path}/secrets`, { secret: `${planted}-2`, overlap: null });
  await call('DELETE', `${path}/secrets/${added.body.id}`);
  await call('DELETE', `${path}/blocks`);
  await call('DELETE', path);
  const { rows } = await listAudit(api.deps.pool, tenant.tenantId, { order: 'asc', limit: 50 });
  expect(rows.map(({ action }) => action)).toEqual([
    'inbound-source.created',
    'inbound-source.changed',
    'inbound-secret.added',
    'inbound-secret.removed',
    'inbound-source.unblocked',
    'inbound-source.deleted',
  ]);
  expect(rows.every(({ actor, subject }) => /^key_/.test(actor) && subject === made.body.id)).toBe(true);
  for (const table of ['inbound_sources', 'inbound_secrets', 'finance_audit_log']) {
    const stored = await api.deps.pool.query(`SELECT t::text AS text FROM ${table} t`);
    expect(JSON.stringify(stored.rows)).not.toContain('PLANTED');
  }
  const secrets = await api.deps.pool.query('SELECT 1 FROM inbound_secrets WHERE source_id = $1', [
    toUuid(made.body.id),
  ]);
  expect(secrets.rows).toHaveLength(1);
});

test('a source whose secret cannot be read any more gets a new one', async () => {
  const source = await createSource(api, { route: KEEP });
  await api.deps.pool.query("UPDATE inbound_secrets SET secret_encrypted = 'lost' WHERE source_id = $1", [
    toUuid(source.id),
  ]);
  const send = async (secret: string) => (await source.send(standardWebhook(secret, '{}'))).status;
  expect(await send(source.secret)).toBe(500);
  const added = await api.call('POST', `/v1/inbound/sources/${source.id}/secrets`, { body: { overlap: '0s' } });
  expect([added.status, await send(added.body.secret)]).toEqual([201, 202]);
});

test('scopes are apart: who may read sources cannot change them', async () => {
  const source = await createSource(api, { route: KEEP });
  const reader = await api.newKey(['inbound:read']);
  const path = `/v1/inbound/sources/${source.id}`;
  expect((await api.call('GET', path, { key: reader })).status).toBe(200);
  expect((await api.call('PATCH', path, { key: reader, body: { name: 'x' } })).status).toBe(403);
  expect((await api.call('POST', '/v1/inbound/sources', { key: reader, body: {} })).status).toBe(403);
});
