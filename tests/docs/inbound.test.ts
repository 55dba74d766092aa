import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createApi, type TestApi } from '../support/api-support';
import { snippetsOf } from '../support/snippets';

jest.setTimeout(60_000);

const BLOCKS = snippetsOf('docs/inbound.md').filter(({ language }) => language === 'sh');
const API = `api() { curl -sS -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@"; }`;
const END = '--- end of a block';

let api: TestApi;
let folder: string;
beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-inbound-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await api.close();
});

/** What is another at each run is left out, as the page leaves it out. */
function lasting(text: string): string[] {
  return text
    .replace(/(src|inb)_[0-9a-f]{32}/g, '$1_…')
    .replace(/whsec_[A-Za-z0-9+/=]{44}/g, 'whsec_…')
    .replace(/curl\/[\d.]+/g, 'curl')
    .split('\n')
    .filter((line) => line !== '');
}

const bash = () => promisify(execFile)('bash', ['-c', 'command -v jq && command -v openssl && command -v curl']);

test('the commands of the page do what it says, as they stand there', async () => {
  // The page names what it needs; where that is missing there is nothing to try.
  if (
    await bash().then(
      () => false,
      () => true,
    )
  )
    return;
  const script = [API, ...BLOCKS.map(({ code }) => `${code}\necho; echo '${END}'`)].join('\n');
  const env = { ...process.env, WAYBILL: api.url, KEY: api.key };
  const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env,
  });
  const outputs = stdout.split(END);
  for (const [index, { heading, code }] of BLOCKS.entries()) {
    const told = code.split('\n').filter((line) => line.startsWith('# '));
    const expected = lasting(told.map((line) => line.slice(2)).join('\n'));
    expect([heading, lasting(outputs[index] ?? '')]).toEqual([heading, expected]);
  }
  expect(stderr).toBe('');
});
