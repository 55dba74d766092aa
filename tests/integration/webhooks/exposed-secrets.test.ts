import { randomBytes } from 'node:crypto';
import { toUuid } from '../../../core/ids';
import { newSecret } from '../../../domains/webhooks/rules/signature';
import { createApi, type TestApi } from '../../support/api-support';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../../support/receiver';

let api: TestApi;
let shop: TestReceiver;
let elsewhere: TestReceiver;
beforeAll(async () => {
  [api, shop, elsewhere] = await Promise.all([createApi(), startReceiver(), startReceiver()]);
});
afterAll(async () => {
  await Promise.all([api.close(), shop.close(), elsewhere.close()]);
});

const HEADERS = { authorization: `Bearer ${randomBytes(12).toString('hex')}/+"x`, 'x-shop': 'berlin' };

async function endpoint(extra: object = {}): Promise<string> {
  const { body } = await api.call('POST', '/v1/endpoints', {
    body: { url: shop.url, headers: HEADERS, retry: { schedule: [] }, ...extra },
  });
  return body.id;
}

describe('a key that may only write endpoints does not learn their headers', () => {
  let key: string;
  beforeAll(async () => {
    key = await api.newKey(['endpoints:write']);
  });
  const patch = (id: string, body: object) => api.call('PATCH', `/v1/endpoints/${id}`, { key, body });
  const url = async (id: string) => (await api.call('GET', `/v1/endpoints/${id}`)).body.url;

  test('by sending a test event to a server of its own', async () => {
    const id = await endpoint();
    const answer = await patch(id, { url: elsewhere.url });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([
      {
        in: 'body',
        pointer: '#/headers',
        detail:
          'the new url has another origin than the one that "authorization", "x-shop" were given for: ' +
          'give each again in the same request, or null to remove it',
      },
    ]);
    await api.call('POST', `/v1/endpoints/${id}/test`, { key });
    await shop.waitFor(1);
    expect(shop.received.at(-1)?.headers).toMatchObject(HEADERS);
    expect(elsewhere.received).toEqual([]);
  });

  test.each([
    ['another scheme', () => shop.url.replace('http:', 'https:')],
    ['another port', () => elsewhere.url],
    ['another name of the same address', () => shop.url.replace('127.0.0.1', '127.0.0.2')],
  ])('by %s', async (_name, other) => {
    const id = await endpoint();
    expect((await patch(id, { url: other() })).status).toBe(422);
    expect((await patch(id, { url: other(), headers: { 'x-shop': 'berlin' } })).body.errors[0].detail).toMatch(
      /"authorization" was given for/,
    );
    expect(await url(id)).toBe(shop.url);
  });

  test('but may move an endpoint by giving them again or removing them, and change its path', async () => {
    const id = await endpoint();
    expect((await patch(id, { url: `${shop.url}/v2` })).status).toBe(200);
    const before = elsewhere.received.length;
    const moved = await patch(id, { url: elsewhere.url, headers: { 'x-shop': 'own', authorization: null } });
    expect(moved.body).toMatchObject({ url: elsewhere.url, headers: { 'x-shop': '********' } });
    await api.call('POST', `/v1/endpoints/${id}/test`, { key });
    await elsewhere.waitFor(before + 1);
    const [received] = elsewhere.received.slice(before);
    expect(received?.headers).toMatchObject({ 'x-shop': 'own' });
    expect(received?.headers.authorization).toBeUndefined();
    expect((await patch(id, { url: shop.url, headers: { 'x-shop': null } })).status).toBe(200);
    expect((await patch(id, { url: elsewhere.url })).status).toBe(200);
  });
});

describe('what a receiver repeats of a request is not stored', () => {
  const everything = ({ headers, body }: ReceivedRequest) => JSON.stringify({ headers, body });
  const ECHOES: [string, (request: ReceivedRequest, secret: string) => string][] = [
    ['as JSON', everything],
    ['in upper case', (request) => everything(request).toUpperCase()],
    ['in a URL', ({ headers }) => new URLSearchParams(headers as Record<string, string>).toString()],
    ['in base64', (request) => Buffer.from(String(request.headers.authorization)).toString('base64')],
    ['with the secret that it verified with', (_request, secret) => `not signed with ${secret}`],
    ['at the end of what is kept', (request) => 'x'.repeat(4_070) + request.headers.authorization],
  ];

  test.each(ECHOES.flatMap(([name, echo]) => [200, 500].map((status) => [name, status, echo] as const)))(
    '%s, with a %i',
    async (_name, status, echo) => {
      const secret = newSecret();
      const id = await endpoint({ secret });
      const before = shop.received.length;
      shop.always((request) => ({ status, body: echo(request, secret) }));
      const { body } = await api.call('POST', `/v1/endpoints/${id}/test`);
      const deliveryId: string = body.deliveries[0].id;
      const stored = await eventually(async () => {
        const { rows } = await api.deps.pool.query<{ response_body: string }>(
          'SELECT response_body FROM attempts WHERE delivery_id = $1',
          [toUuid(deliveryId)],
        );
        return rows[0]?.response_body;
      });
      const [request] = shop.received.slice(before);
      const token = HEADERS.authorization.slice('Bearer '.length);
      const [, signature = '?'] = String(request?.headers['webhook-signature']).split(',');
      expect(stored).toContain('[redacted]');
      for (const hidden of [token.slice(0, 12), signature, 'berlin', secret.slice('whsec_'.length)]) {
        expect(stored.toLowerCase()).not.toContain(hidden.toLowerCase());
      }
      const base64 = Buffer.from(HEADERS.authorization).toString('base64').slice(0, 20);
      expect(stored).not.toContain(base64);
      const shown = await api.call('GET', `/v1/deliveries/${deliveryId}/attempts`);
      expect(shown.body.data[0].responseBody).toBe(stored);
    },
  );
});

test.each([
  'http://user:pass@127.0.0.1:9/',
  'http://user@127.0.0.1:9/',
  'http://@127.0.0.1:9/',
  'http://:p%40ss@127.0.0.1/',
])('an address with credentials is refused, also by a change: %s', async (url) => {
  const id = await endpoint({ headers: {} });
  for (const answer of [
    await api.call('POST', '/v1/endpoints', { body: { url } }),
    await api.call('PATCH', `/v1/endpoints/${id}`, { body: { url } }),
  ]) {
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([
      { in: 'body', pointer: '#/url', detail: 'the URL must not contain a user name or password' },
    ]);
    expect(answer.text).not.toContain(new URL(url).host);
  }
});
