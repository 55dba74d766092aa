import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import { Client as PostgresClient } from 'pg';
import { freePort } from '../../infra/setup/processes/ports';
import { removeDataDirectory } from '../../infra/setup/servers/postgres-place';
import { type Servers, startServers } from '../../infra/setup/servers/servers';
import { leftAfter } from '../support/setup-support';

const dataDir = mkdtempSync(path.join(tmpdir(), 'waybill-servers-'));
/** Names no server, so that all are started. */
const env = { PATH: process.env.PATH, HOME: process.env.HOME };
let servers: Servers;
beforeAll(async () => {
  servers = await startServers({ dataDir, temporalUi: false, log: () => {}, env });
});
afterAll(async () => {
  await servers.stop();
  expect(await leftAfter(dataDir, 5_000)).toEqual([]);
  removeDataDirectory(dataDir);
});

test('Postgres keeps what was committed over a kill -9, flushes to disk, and takes no connection without its password', async () => {
  const { postgres } = servers;
  await query(postgres.address, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const before = postgres.pid;
  await postgres.kill('SIGKILL');
  await expect(query(postgres.address, 'SELECT 1')).rejects.toThrow();
  await postgres.restart();
  expect(postgres.pid).not.toBe(before);
  expect(await query(postgres.address, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  expect(await query(postgres.address, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  const withoutPassword = new URL(postgres.address);
  withoutPassword.password = 'wrong';
  await expect(query(withoutPassword.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
});

test('Temporal keeps its workflows over a kill -9, for 30 days', async () => {
  const { temporal } = servers;
  await withTemporal(temporal.address, (client) =>
    client.workflow.start('nobody', { taskQueue: 'none', workflowId: 'w1' }),
  );
  await temporal.kill('SIGKILL');
  await temporal.restart();
  await withTemporal(temporal.address, async (client) => {
    const { status } = await client.workflow.getHandle('w1').describe();
    expect(status.name).toBe('RUNNING');
    const { config } = await client.workflowService.describeNamespace({ namespace: 'default' });
    expect(config?.workflowExecutionRetentionTtl?.seconds?.toNumber()).toBe(30 * 86_400);
  });
});

test('Redis is there again after a kill -9, and answers nobody without its password', async () => {
  const { redis } = servers;
  if (redis === undefined) return;
  await redis.kill();
  await redis.restart();
  const client = new Redis(redis.address);
  expect(await client.set('key', 'value')).toBe('OK');
  await client.quit();
  const stranger = new Redis(redis.address.replace(/:[^@/]*@/, ''), { maxRetriesPerRequest: 0 });
  stranger.on('error', () => {});
  await expect(stranger.get('key')).rejects.toThrow('NOAUTH');
  stranger.disconnect();
});

test('servers that the environment names are used, and left alone', async () => {
  const given = { ...env, ...servers.env };
  const others = await startServers({
    dataDir: path.join(dataDir, 'given'),
    temporalUi: true,
    log: () => {},
    env: given,
  });
  expect(others.env).toMatchObject({
    DATABASE_URL: servers.env.DATABASE_URL,
    TEMPORAL_ADDRESS: servers.env.TEMPORAL_ADDRESS,
  });
  expect([others.postgres, others.redis, others.temporal].some((server) => server?.owned)).toBe(false);
  await expect(others.postgres.kill()).rejects.toThrow('was not started here');
  await others.stop();
  expect(await query(servers.postgres.address, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
});

test('when one cannot be had, the others are stopped and the reason is given', async () => {
  const port = await freePort();
  const wrong = { ...env, DATABASE_URL: `postgres://waybill:secret@127.0.0.1:${port}/waybill` };
  const folder = path.join(dataDir, 'wrong');
  const start = startServers({ dataDir: folder, temporalUi: false, log: () => {}, env: wrong });
  await expect(start).rejects.toThrow(`Postgres at 127.0.0.1:${port} cannot be used`);
  expect(await leftAfter(folder, 2_000)).toEqual([]);
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new PostgresClient({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function withTemporal<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
