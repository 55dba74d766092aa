import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');

/** A file's imports, by its path in the house. */
type House = Record<string, readonly string[]>;

/** Each rule, and a file that breaks it and no other. */
const BROKEN: readonly [rule: string, file: string, imports: string][] = [
  ['no-cycles', 'core/ring-a.ts', './ring-b'],
  ['core-imports-nothing', 'core/reaches-up.ts', '../infra/log'],
  ['rules-do-no-io', 'core/reads-files.ts', 'node:fs'],
  ['infra-imports', 'infra/knows-a-domain.ts', '../domains/shops'],
  ['infra-imports', 'infra/needs-the-setup.ts', './setup/commands/start'],
  ['domains-import', 'domains/shops/goes-past-the-entrance.ts', '../goods/store/goods'],
  ['domains-import', 'domains/shops/knows-the-door.ts', '../../api/http/problems'],
  ['domains-import', 'domains/shops/knows-an-activity.ts', '../../activities/shops'],
  ['domains-import', 'domains/shops/knows-the-worker.ts', '../../worker/roles'],
  ['rules-import', 'domains/shops/rules/uses-a-store.ts', '../store/shops'],
  ['rules-do-no-io', 'domains/shops/rules/asks-postgres.ts', 'pg'],
  ['workflows-import', 'workflows/calls-a-domain.ts', '../domains/shops'],
  ['workflows-import', 'workflows/calls-an-activity.ts', '../activities/shops'],
  ['workflows-types-from-activities', 'workflows/takes-a-type-from-inside.ts', 'type ../domains/shops/open'],
  ['activities-import', 'activities/goes-past-the-entrance.ts', '../domains/shops/open'],
  ['activities-import', 'activities/uses-infra.ts', '../infra/log'],
  ['activities-import-types', 'activities/takes-a-type-from-inside.ts', 'type ../domains/shops/open'],
  ['api-doors-import', 'api/shops/uses-infra.ts', '../../infra/log'],
  ['api-doors-import', 'api/shops/goes-past-the-entrance.ts', '../../domains/shops/open'],
  ['api-doors-import', 'api/shops/uses-another-door.ts', '../goods/routes'],
  ['api-kit-imports', 'api/http/knows-a-domain.ts', '../../domains/shops'],
  ['api-main-imports', 'api/goes-past-the-entrance.ts', '../domains/shops/open'],
  ['worker-imports', 'worker/knows-the-api.ts', '../api/http/problems'],
  ['worker-imports', 'worker/goes-past-the-entrance.ts', '../domains/shops/open'],
  ['domains-know-no-door', 'domains/shops/beats.ts', '@temporalio/activity'],
  ['domains-know-no-door', 'domains/shops/answers.ts', 'type express'],
  ['production-needs-no-tools', 'worker/downloads.ts', 'tar'],
  ['setup-runs-programs', 'infra/setup/processes/knows-a-server.ts', '../servers/redis'],
  ['setup-runs-servers', 'infra/setup/servers/knows-a-command.ts', '../commands/start'],
  ['temporal-client-only-in-starters', 'domains/shops/starts-by-itself.ts', '@temporalio/client'],
];

/** What those files import, and files that keep every rule. */
const SOUND: House = {
  'core/ring-b.ts': ['./ring-a'],
  'core/money.ts': [],
  'infra/log.ts': ['../core/money'],
  'infra/setup/paths.ts': [],
  'infra/setup/commands/start.ts': ['../servers/redis', '../../log'],
  'infra/setup/servers/redis.ts': ['../processes/program', '../paths'],
  'infra/setup/processes/program.ts': ['../paths'],
  'infra/temporal/client.ts': ['@temporalio/client'],
  'infra/temporal/task-queues.ts': [],
  'domains/goods/index.ts': ['./store/goods'],
  'domains/goods/store/goods.ts': ['../../../infra/log', 'type pg'],
  'domains/goods/rules/price.ts': ['../../../core/money'],
  'domains/shops/index.ts': ['./open'],
  'domains/shops/open.ts': ['../goods', '../../infra/log', './store/shops', './start'],
  'domains/shops/start.ts': ['@temporalio/client', '../../infra/temporal/task-queues'],
  'domains/shops/store/shops.ts': ['type pg', '../rules/hours'],
  'domains/shops/rules/hours.ts': ['../../goods/rules/price'],
  'api/main.ts': ['../domains/shops', '../infra/log', './http/problems', '@temporalio/client'],
  'api/http/problems.ts': ['../../infra/log', '../../core/money'],
  'api/shops/routes.ts': ['../../domains/shops', '../../domains/goods', '../http/problems', './schemas'],
  'api/shops/schemas.ts': ['../../core/money'],
  'api/goods/routes.ts': [],
  'activities/shops.ts': ['../domains/shops', 'type ../infra/log'],
  'workflows/open-shop.ts': [
    'type ../activities/shops',
    '../domains/shops/rules/hours',
    '../infra/temporal/task-queues',
  ],
  'worker/roles.ts': ['../activities/shops', '../domains/shops', '../infra/log', '../workflows/open-shop'],
};

let house: string;
beforeAll(() => {
  mkdirSync(path.join(ROOT, '.waybill'), { recursive: true });
  house = mkdtempSync(path.join(ROOT, '.waybill', 'house-'));
  for (const [file, imports] of Object.entries(SOUND)) build(file, imports);
  for (const [, file, imports] of BROKEN) build(file, [imports]);
});
afterAll(() => rmSync(house, { recursive: true, force: true }));

function build(file: string, imports: readonly string[]): void {
  const full = path.join(house, file);
  mkdirSync(path.dirname(full), { recursive: true });
  const lines = imports.map((spec, index) =>
    spec.startsWith('type ')
      ? `import type * as m${index} from '${spec.slice('type '.length)}';\nexport type T${index} = typeof m${index};`
      : `import * as m${index} from '${spec}';\nexport const v${index} = m${index};`,
  );
  writeFileSync(full, `${lines.join('\n')}\nexport {};\n`);
}

interface Violation {
  rule: { name: string };
  from: string;
}

/** What dependency-cruiser finds in a folder by the project's own rules. */
function violations(folder: string): Promise<Violation[]> {
  const program = path.join(ROOT, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const config = path.join(ROOT, '.dependency-cruiser.cjs');
  const args = [program, '--config', config, '--output-type', 'json', ...FOLDERS];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 64 * 1_048_576 }, (_failed, stdout, stderr) => {
      try {
        resolve((JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations);
      } catch {
        reject(new Error(`dependency-cruiser said: ${stderr}${stdout.slice(0, 2_000)}`));
      }
    });
  });
}

const FOLDERS = ['core', 'domains', 'infra', 'workflows', 'activities', 'api', 'worker'];

test('each rule of who may import whom finds what breaks it, and nothing else', async () => {
  const found = (await violations(house)).map(({ rule, from }) => `${rule.name}: ${from}`);
  const expected = BROKEN.map(([rule, file]) => `${rule}: ${file}`);
  expect([...new Set(found)].sort()).toEqual(expected.sort());
});

/** Which domains a domain imports, by what docs/architecture.md draws. */
function drawn(): Record<string, string[]> {
  const [page = ''] = readFileSync(path.join(ROOT, 'docs', 'architecture.md'), 'utf8').split("A domain's folder");
  const uses = [...page.matchAll(/(\w+) +→ ([\w, ]+\w)/g)].map(([, name = '', others = '']) => [
    name,
    others.split(', ').sort(),
  ]);
  const ground = (/ground +([\w ·]+\w)/.exec(page)?.[1] ?? '').split(' · ').map((name) => [name, []]);
  return Object.fromEntries([...uses, ...ground]);
}

/** Which domains a domain imports. */
function imported(domain: string): string[] {
  const folder = path.join(ROOT, 'domains', domain);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  const found = files.flatMap((file) => {
    const specs = readFileSync(path.join(folder, file), 'utf8').matchAll(/from '(\.[^']+)'/g);
    return [...specs].map(([, spec = '']) =>
      path.relative(path.join(ROOT, 'domains'), path.join(folder, path.dirname(file), spec)),
    );
  });
  const others = found.filter((place) => !place.startsWith('..')).map((place) => place.split(path.sep)[0] ?? '');
  return [...new Set(others)].filter((other) => other !== domain).sort();
}

test('the domains use each other as the picture of the architecture says', () => {
  const domains = readdirSync(path.join(ROOT, 'domains')).sort();
  expect(Object.fromEntries(domains.map((domain) => [domain, imported(domain)]))).toEqual(drawn());
});

test('every rule is tried', () => {
  const { forbidden } = require('../../.dependency-cruiser.cjs') as { forbidden: { name: string }[] };
  const tried = new Set(BROKEN.map(([rule]) => rule));
  expect(forbidden.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual([]);
});
