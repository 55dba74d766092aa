import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createPaymentApi, type PaymentApi } from '../support/payments-support';
import { pythonTools, run } from './python';

let api: PaymentApi;
let folder: string;
beforeAll(async () => {
  api = await createPaymentApi();
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-python-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await api.close();
});

test('openapi-python-client makes a client of every call, which does what it says', async () => {
  const bin = await pythonTools();
  const document = (await api.call('GET', '/openapi.json', { key: null })).text;
  writeFileSync(path.join(folder, 'openapi.json'), document);
  const generated = await run(
    path.join(bin, 'openapi-python-client'),
    [
      ...['generate', '--path', 'openapi.json', '--meta', 'none', '--output-path', 'waybill_client'],
      ...['--config', path.join(__dirname, 'python-client.yml'), '--fail-on-warning'],
    ],
    { cwd: folder },
  );
  expect(generated).not.toMatch(/warning|unable|not be generated/i);
  const { paths }: { paths: Record<string, object> } = JSON.parse(document);
  const calls = Object.values(paths).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
  const program = path.join(__dirname, 'python_program.py');
  const said = JSON.parse(await run(path.join(bin, 'python'), [program, folder, api.url, api.key]));
  expect(said).toEqual({
    modules: expect.any(Number),
    endpoint: ['CreatedEndpoint', 'whsec_', 'changed'],
    stale: [412, 'It has changed meanwhile'],
    refused: '#/limit',
    message: ['PublishedMessage', 1],
    payment: [true, '12345'],
    reconcile: true,
  });
  expect(said.modules).toBeGreaterThan(calls);
}, 600_000);
