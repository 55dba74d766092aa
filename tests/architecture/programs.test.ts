import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');

/** Compiled programs that a text starts by their path. */
function programsIn(text: string): string[] {
  return [
    ...[...text.matchAll(/['"/ ]dist\/([\w/-]+)\.js\b/g)].map(([, program = '']) => program),
    ...[...text.matchAll(/bootstrap\.mjs run ([\w/-]+)/g)].map(([, program = '']) => program),
  ];
}

test('every program that is started by its path is there', () => {
  const files = execFileSync('git', ['ls-files', '*.ts', '*.json', '*.md', '*.mjs'], { cwd: ROOT, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '' && existsSync(path.join(ROOT, file)))
    .filter((file) => !/\.test\.ts$|\/histories\/|package-lock/.test(file));
  const programs = files.flatMap((file) => programsIn(readFileSync(path.join(ROOT, file), 'utf8')));
  expect(programs).toEqual(expect.arrayContaining(['api/main', 'worker/main', 'bench/webhooks/main']));
  expect([...new Set(programs)].filter((program) => !existsSync(path.join(ROOT, `${program}.ts`)))).toEqual([]);
});
