import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ADMIN_KEY } from '../support/api-support';
import { insertOneOfEach, resourceOf } from '../support/one-of-each';
import { createPaymentApi, type PaymentApi } from '../support/payments-support';
import { pythonTools, run } from './python';

/** How many requests each call gets at random, besides those at the bounds of its schemas. */
const EXAMPLES = process.env.WAYBILL_CONTRACT_EXAMPLES ?? '10';

let api: PaymentApi;
let folder: string;
let document: string;
beforeAll(async () => {
  api = await createPaymentApi();
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-schemathesis-'));
  document = (await api.call('GET', '/openapi.json', { key: null })).text;
  writeFileSync(path.join(folder, 'openapi.json'), document);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await api.close();
});

test('Schemathesis finds no answer that the document does not describe', async () => {
  const bin = await pythonTools();
  const config = path.join(folder, 'schemathesis.toml');
  writeFileSync(config, `${readFileSync(path.join(__dirname, 'schemathesis.toml'), 'utf8')}\n${await places()}`);
  const key = await newKey();
  await run(
    path.join(bin, 'schemathesis'),
    [
      ...['--config-file', config, 'run', 'openapi.json', '--url', api.url],
      ...['--header', `Authorization: Bearer ${key}`, '--max-examples', EXAMPLES],
    ],
    { cwd: folder, env: { PYTHONHASHSEED: '0', SCHEMATHESIS_HOOKS: 'schemathesis_hooks', PYTHONPATH: __dirname } },
  );
}, 1_800_000);

/** A key that may do everything, so that every call is met. */
async function newKey(): Promise<string> {
  const body = { name: 'contract', scopes: ['*', 'admin'], tenantId: api.tenantId };
  return (await api.call('POST', '/v1/api-keys', { key: ADMIN_KEY, body })).body.key;
}

/** Ids that exist, for every call whose path has some: those that a call removes are its own. */
async function places(): Promise<string> {
  const owned = await insertOneOfEach(api);
  const removed = await insertOneOfEach(api);
  const spare = async () =>
    (await api.call('POST', '/v1/api-keys', { body: { name: 'spare', scopes: ['*'] } })).body.id;
  owned['tenants.id'] = api.tenantId;
  owned['api-keys.id'] = await spare();
  removed['api-keys.id'] = await spare();
  const { paths }: { paths: Record<string, Record<string, { operationId: string }>> } = JSON.parse(document);
  return Object.entries(paths)
    .filter(([route]) => route.includes('{'))
    .flatMap(([route, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => {
        const ids = method === 'delete' || operationId === 'createSubscriberErasure' ? removed : owned;
        const values = [...route.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
          const value = ids[`${resourceOf(route)}.${name}`] ?? ids[`${resourceOf(route)}.id`] ?? '';
          return `"path.${name}" = ${JSON.stringify(value)}`;
        });
        return `[[operations]]\ninclude-operation-id = "${operationId}"\nparameters = { ${values.join(', ')} }\n`;
      }),
    )
    .join('\n');
}
