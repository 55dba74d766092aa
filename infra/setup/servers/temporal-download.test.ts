import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create } from 'tar';
import { retireGuard } from '../processes/guard';
import { type TemporalSource, temporalSource } from './temporal-download';
import { findTemporal } from './temporal-program';

const CLI = '#!/bin/sh\necho "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"\n';
/** Builds a program that differs from the downloaded one. */
const GO = `#!/bin/sh\nprintf '${CLI.replaceAll('\n', '\\n')}# built' > "$GOBIN/temporal"\n/bin/chmod +x "$GOBIN/temporal"\n`;

/** A machine with a home and a PATH of its own, and a stand-in for Temporal's host. */
let home: string;
let host: Server;
let answer: RequestListener;
let asked: string[];
let said: string[];
beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'waybill-temporal-'));
  mkdirSync(path.join(home, 'bin'));
  asked = [];
  said = [];
  host = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  host.closeAllConnections();
  await new Promise((resolve) => host.close(resolve));
  await retireGuard();
  rmSync(home, { recursive: true, force: true });
});

const cached = () => path.join(home, '.cache', 'waybill', 'temporal-1.5.1', 'temporal');
const installGo = () => writeFileSync(path.join(home, 'bin', 'go'), GO, { mode: 0o755 });

async function archiveOf(files: Record<string, string>): Promise<Buffer> {
  const folder = path.join(home, 'archive');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text, { mode: 0o755 });
  await create({ file: path.join(home, 'archive.tar.gz'), gzip: true, cwd: folder }, Object.keys(files));
  rmSync(folder, { recursive: true });
  return readFileSync(path.join(home, 'archive.tar.gz'));
}

/** As {@link temporalSource} says, but from the stand-in host, with the checksum of what it should serve. */
function sourceOf(archive: Buffer, silentMs = 10_000): TemporalSource {
  const env = { WAYBILL_TEMPORAL_DOWNLOAD_URL: `http://127.0.0.1:${(host.address() as AddressInfo).port}/mirror/` };
  const source = temporalSource(env, 'linux', 'x64');
  if (source === undefined) throw new Error('no source');
  const sha256 = createHash('sha256').update(archive).digest('hex');
  return { ...source, sha256, deadlines: { connectMs: 10_000, silentMs, totalMs: 10_000 } };
}

function find(source: TemporalSource | undefined, signal?: AbortSignal) {
  const env = { HOME: home, PATH: path.join(home, 'bin') };
  const dataDir = path.join(home, 'data');
  const log = (line: string) => void said.push(line);
  return findTemporal({ dataDir, logFolder: dataDir, port: undefined, env, log, signal }, source);
}

test('it is downloaded once, and kept in the cache, whole and nothing besides', async () => {
  const archive = await archiveOf({ LICENSE: 'MIT', temporal: CLI });
  answer = (_request, response) => response.end(archive);
  installGo();
  expect(await find(sourceOf(archive))).toEqual({ file: cached() });
  expect(asked).toEqual(['/mirror/v1.5.1/temporal_cli_1.5.1_linux_amd64.tar.gz']);
  expect(readFileSync(cached(), 'utf8')).toBe(CLI);
  expect(readdirSync(path.dirname(cached()))).toEqual(['temporal']);
  expect(said[0]).toMatch(/^Downloading the Temporal server 1\.5\.1 from 127\.0\.0\.1:\d+$/);
  expect(said.slice(1)).toEqual([`Temporal is downloaded: ${cached()}`]);
  expect(await find(sourceOf(archive))).toEqual({ file: cached() });
  expect(asked).toHaveLength(1);
});

/** What a host may do instead of serving the archive. */
const FAILURES: [string, (archive: Buffer) => RequestListener, string][] = [
  ['connects and never answers', () => () => {}, 'nothing came for 0.2 s'],
  [
    'breaks off',
    (archive) => (_request, response) => {
      response.writeHead(200, { 'content-length': archive.length });
      response.write(archive.subarray(0, 50), () => response.destroy());
    },
    'other side closed',
  ],
  [
    'serves half as if it were all',
    (archive) => (_, response) => response.end(archive.subarray(0, 99)),
    'something else',
  ],
  ['serves a page of a login portal', () => (_, response) => response.end('<html>Welcome</html>'), 'something else'],
  ['does not have it', () => (_, response) => response.writeHead(404).end(), 'the host answered 404'],
];

describe.each(FAILURES)('a host that %s', (_what, behaviour, why) => {
  let source: TemporalSource;
  beforeEach(async () => {
    const archive = await archiveOf({ temporal: CLI });
    answer = behaviour(archive);
    source = sourceOf(archive, 200);
  });

  test('is left for Go, which is said in one line', async () => {
    installGo();
    expect(await find(source)).toEqual({ file: cached() });
    expect(readFileSync(cached(), 'utf8')).toContain('# built');
    const lines = said.filter((line) => line.startsWith('Temporal cannot be downloaded: '));
    expect(lines).toEqual([expect.stringContaining(why)]);
  });

  test('leaves nothing behind, and without Go it is said what can be done', async () => {
    const finding = find(source);
    await expect(finding).rejects.toThrow('There is no Temporal server to be had here');
    await expect(finding).rejects.toThrow(why);
    expect(readdirSync(path.dirname(cached()))).toEqual([]);
  });
});

test('a host that refuses is left for Go at once', async () => {
  const source = sourceOf(Buffer.from(''));
  await new Promise((resolve) => host.close(resolve));
  installGo();
  expect(await find(source)).toEqual({ file: cached() });
  expect(said).toContainEqual(expect.stringMatching(/^Temporal cannot be downloaded: connect ECONNREFUSED/));
});

test.each([
  ['an archive without the program', { LICENSE: 'MIT' }],
  ['a program that is something else', { temporal: '#!/bin/sh\necho other\n' }],
])('%s is not used', async (_what, files) => {
  const archive = await archiveOf(files);
  answer = (_request, response) => response.end(archive);
  await expect(find(sourceOf(archive))).rejects.toThrow('the program in the archive does not run here');
  expect(readdirSync(path.dirname(cached()))).toEqual([]);
});

test('interrupted, it does not go on to Go', async () => {
  installGo();
  const interrupt = new AbortController();
  answer = () => interrupt.abort(new Error('enough'));
  await expect(find(sourceOf(Buffer.from('')), interrupt.signal)).rejects.toThrow('enough');
  expect(readdirSync(path.dirname(cached()))).toEqual([]);
});

test('on Windows, whose archive is a zip, it is not tried', async () => {
  expect(temporalSource({}, 'win32', 'x64')).toBeUndefined();
  installGo();
  expect(await find(undefined)).toEqual({ file: cached() });
  expect(said[0]).toMatch(/^Temporal cannot be downloaded: for \w+ on \w+ there is no archive/);
  expect(asked).toEqual([]);
});

test('without a mirror it comes from where Temporal publishes it', () => {
  const url = 'https://github.com/temporalio/cli/releases/download/v1.5.1/temporal_cli_1.5.1_darwin_arm64.tar.gz';
  expect(temporalSource({}, 'darwin', 'arm64')?.url).toBe(url);
});
