import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createPaymentApi, type PaymentApi } from '../support/payments-support';

const ROOT = path.resolve(__dirname, '../..');
/** Inside the project, so that the program finds its packages. */
const FOLDER = path.join(ROOT, '.waybill', `typescript-client-${process.pid}`);

const CONFIG = {
  compilerOptions: {
    target: 'ES2022',
    module: 'node16',
    moduleResolution: 'node16',
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
  },
  files: ['program.ts'],
};

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi();
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path.join(FOLDER, 'tsconfig.json'), JSON.stringify(CONFIG));
  copyFileSync(path.join(__dirname, 'typescript-program.txt'), path.join(FOLDER, 'program.ts'));
});
afterAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  await api.close();
});

test('a client of types that are generated from the document compiles, and does what it says', async () => {
  const document = path.join(FOLDER, 'openapi.json');
  writeFileSync(document, (await api.call('GET', '/openapi.json', { key: null })).text);
  const types = path.join(FOLDER, 'schema.d.ts');
  // By itself it takes what has a default for required, also in requests.
  const options = ['--default-non-nullable=false'];
  await run('node_modules/openapi-typescript/bin/cli.js', document, '-o', types, ...options);
  await run('node_modules/typescript/bin/tsc', '-p', FOLDER);
  const said = await run(path.join(FOLDER, 'program.js'), api.url, api.key);
  expect(JSON.parse(said)).toEqual({
    secret: 'whsec_',
    schedule: 2,
    stale: [412, 'It has changed meanwhile'],
    deliveries: 1,
    payment: [true, 'card'],
    refused: '#/limit',
  });
  // The compiler alone takes a minute on a machine that does other things.
}, 300_000);

/** Runs a program of Node's. @returns what it says @throws with what it says when it fails */
async function run(script: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [path.resolve(ROOT, script), ...args], { cwd: ROOT });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += String(chunk);
    });
  }
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${path.basename(script)} ended with ${String(code)}: ${said}`);
  return said;
}
