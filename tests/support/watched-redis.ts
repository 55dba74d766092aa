import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../infra/setup/processes/ports';
import { findProgram } from '../../infra/setup/servers/find-program';
import { chooseRedis } from '../../infra/setup/servers/redis-server';
import { eventually } from './receiver';

const ROOT = 'root-of-redis';
const SENTINEL = 'of-the-sentinel';

/** A master and its replica, watched by a Sentinel that alone decides. */
export interface WatchedRedis {
  /** For `REDIS_URL`. */
  url: string;
  /** Stops the master at once. */
  killMaster(): Promise<void>;
  /** What the user of {@link url} was refused, by either. */
  refusals(): Promise<string[]>;
  close(): Promise<void>;
}

/** @param user - the rules of the user `waybill`, as docs/caching.md gives them */
export async function startWatchedRedis(user: string): Promise<WatchedRedis> {
  const choice = chooseRedis({
    url: undefined,
    find: (name) => findProgram(name, process.env.PATH),
    isDebianRoot: false,
  });
  if (choice.kind !== 'program') throw new Error('there is no Redis');
  const { file, argv0 } = choice;
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-sentinel-'));
  const children: ChildProcess[] = [];
  const clients: Redis[] = [];

  async function start(
    name: string,
    lines: string[],
    args: string[] = [],
  ): Promise<{ port: number; child: ChildProcess }> {
    const port = await freePort();
    const conf = path.join(folder, `${name}.conf`);
    writeFileSync(
      conf,
      ['bind 127.0.0.1', `port ${port}`, `dir ${folder}`, `logfile ${name}.log`, ...lines, ''].join('\n'),
    );
    const child = spawn(file, [conf, ...args], { argv0, stdio: 'ignore' });
    children.push(child);
    return { port, child };
  }

  function client(port: number, password = ROOT): Redis {
    const redis = new Redis(port, '127.0.0.1', { password, retryStrategy: () => 100 });
    redis.on('error', () => {});
    clients.push(redis);
    return redis;
  }

  const common = [`requirepass ${ROOT}`, `masterauth ${ROOT}`, 'save ""', `user waybill on >secret ${user}`];
  const first = await start('first', [...common, 'repl-diskless-sync-delay 0']);
  const master = client(first.port);
  const second = await start('second', [...common, `replicaof 127.0.0.1 ${first.port}`]);
  const replica = client(second.port);
  await eventually(async () => (/master_link_status:up/.test(await replica.info('replication')) ? true : undefined));
  const watch = [
    `requirepass ${SENTINEL}`,
    `sentinel monitor main 127.0.0.1 ${first.port} 1`,
    `sentinel auth-pass main ${ROOT}`,
    'sentinel down-after-milliseconds main 500',
    'sentinel failover-timeout main 2000',
  ];
  const sentinel = await start('sentinel', watch, ['--sentinel']);
  const sees = client(sentinel.port, SENTINEL);
  await eventually(async () => {
    const said = (await sees.call('SENTINEL', 'replicas', 'main')) as string[][];
    return said.some((one) => one.includes(String(second.port)) && !one.includes('disconnected')) ? true : undefined;
  });

  return {
    url: `redis+sentinel://waybill:secret@127.0.0.1:${sentinel.port}/main?sentinel_password=${SENTINEL}`,
    async killMaster() {
      first.child.kill('SIGKILL');
      await once(first.child, 'exit');
    },
    async refusals() {
      const logs = [master, replica]
        .filter(({ status }) => status === 'ready')
        .map(async (redis) => (await redis.call('ACL', 'LOG')) as (string | number)[][]);
      return (await Promise.all(logs)).flat().map((entry) => String(entry[entry.indexOf('object') + 1]));
    },
    async close() {
      for (const redis of clients) redis.disconnect();
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
