import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createApi, type TestApi } from '../support/api-support';
import { openNotifications } from '../support/notifications';
import { snippetsOf } from '../support/snippets';

/** Pages, and whether their commands need servers to send by. */
const PAGES = [
  ['docs/inbound.md', false],
  ['docs/preferences.md', false],
  ['docs/notifications.md', true],
] as const;
const API = `api() { curl -sS -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@"; }`;
const END = '--- end of a block';

let plain: TestApi;
let folder: string;
beforeAll(async () => {
  plain = await createApi();
  await plain.pipeline.startWorker();
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-guides-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await plain.close();
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

const missing = ['jq', 'openssl', 'curl'].filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
const trial = missing.length === 0 ? test : test.skip;
const why = missing.length === 0 ? '' : ` (not here: ${missing.join(', ')})`;

trial.each(PAGES)(`the commands of %s do what it says, as they stand there${why}`, async (page, sends) => {
  const sender = sends ? await openNotifications() : undefined;
  const api = sender?.api ?? plain;
  const blocks = snippetsOf(page).filter(({ language }) => language === 'sh');
  const script = [API, ...blocks.map(({ code }) => `${code}\necho; echo '${END}'`)].join('\n');
  const env = { ...process.env, WAYBILL: api.url, KEY: api.key };
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env,
  }).finally(() => sender?.close());
  const outputs = stdout.split(END);
  for (const [index, { heading, code }] of blocks.entries()) {
    const told = code.split('\n').filter((line) => line.startsWith('# '));
    const expected = lasting(told.map((line) => line.slice(2)).join('\n'));
    expect([heading, lasting(outputs[index] ?? '')]).toEqual([heading, expected]);
  }
  expect(stderr).toBe('');
});
