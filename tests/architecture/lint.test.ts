import { spawn } from 'node:child_process';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');

/** What ESLint finds in a text by the project's own rules, as if the text were the file at this path. */
function lint(place: string, text: string): Promise<string[]> {
  const eslint = path.join(ROOT, 'node_modules', 'eslint', 'bin', 'eslint.js');
  const file = path.join('tests', 'architecture', 'fixtures', place);
  const args = [eslint, '--format', 'json', '--stdin', '--stdin-filename', file];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', () => {
      try {
        const [result] = JSON.parse(output) as { messages: { message: string }[] }[];
        resolve((result?.messages ?? []).map(({ message }) => message));
      } catch {
        reject(new Error(`ESLint said: ${output}`));
      }
    });
    child.stdin.end(text);
  });
}

const SQL = "export const text = 'SELECT id FROM deliveries WHERE id = $1';\n";
const STATEMENTS = [
  "'SELECT 1'",
  "'SELECT id FROM deliveries'",
  '`\n  SELECT id,\n  state FROM deliveries`',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a program
  '`UPDATE deliveries SET state = ${1}`',
  "'INSERT INTO deliveries (id) VALUES ($1)'",
  "'DELETE FROM deliveries'",
  "'WITH due AS (SELECT 1) SELECT * FROM due'",
];
const WORDS = ["'select one of these'", "'Update the endpoint'", "'Delete an endpoint'", "'With this'"];

test.each(['domains/shops/open.ts', 'api/shops/routes.ts', 'core/shop.ts', 'infra/http/shop.ts', 'worker/main.ts'])(
  'SQL is refused in %s',
  async (place) => expect(await lint(place, SQL)).toEqual([expect.stringContaining('SQL stands in domains/*/store')]),
);

test.each(['domains/shops/store/shops.ts', 'infra/postgres/keyset.ts'])('SQL is at home in %s', async (place) => {
  expect(await lint(place, SQL)).toEqual([]);
});

test('every kind of statement is known, and words of English are not taken for one', async () => {
  const text = (values: readonly string[]) => `export const texts = [${values.join(', ')}];\n`;
  expect(await lint('domains/shops/open.ts', text(STATEMENTS))).toHaveLength(STATEMENTS.length);
  expect(await lint('domains/shops/open.ts', text(WORDS))).toEqual([]);
});

test('an activity that does more than to call one use case is refused', async () => {
  const thin =
    'export function create() {\n  return { open: (id: string) => openShop(id), close: (id: string) => shut(id) };\n}\n';
  const thick =
    'export function create() {\n  return { open: (id: string) => { prepare(id); return openShop(id); } };\n}\n';
  const method = 'export function create() {\n  return { async open(id: string) { return openShop(id); } };\n}\n';
  expect(await lint('activities/shops/index.ts', thin)).toEqual([]);
  expect(await lint('activities/shops/index.ts', thick)).toEqual([expect.stringContaining('thin wrapper')]);
  expect(await lint('activities/shops/index.ts', method)).toEqual([expect.stringContaining('thin wrapper')]);
});

test('a workflow imports neither zod nor what Node brings', async () => {
  expect(await lint('workflows/shops/open.ts', "import 'zod';\nimport 'node:fs';\n")).toHaveLength(2);
});
