import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { newId, type PublicId } from '../../../core/ids';
import { createDeliveryEngine, type DeliveryEngine } from '../../../domains/webhooks/delivery/delivery-engine';
import type { AttemptEnd, LeasedDelivery } from '../../../domains/webhooks/delivery/leased-delivery';
import { openDispatch } from '../../../domains/webhooks/delivery/open-dispatch';
import type { OutcomeHoldOptions } from '../../../domains/webhooks/delivery/outcome-hold';
import { createGuardedClient } from '../../../infra/http/guarded-client';
import { inTransaction } from '../../../infra/postgres/pool';
import { removeDataDirectory } from '../../../infra/setup/servers/postgres-place';
import { startPostgres } from '../../../infra/setup/servers/postgres-server';
import type { Server } from '../../../infra/setup/servers/server';
import { type CutProxy, startCutProxy } from '../../support/cut-proxy';
import { deliveryReads, only, storeOnly } from '../../support/deliveries';
import { type EndpointFixture, insertEndpoint, insertTenant } from '../../support/fixtures';
import { LOOPBACK } from '../../support/guarded-client-support';
import { type HeldReceiver, startHeldReceiver } from '../../support/held-receiver';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually } from '../../support/receiver';

// A Postgres of its own, which is killed and stopped.
const dataDir = mkdtempSync(path.join(tmpdir(), 'waybill-postgres-away-'));
let postgres: Server;
let way: CutProxy;
let pipeline: Pipeline;
let held: HeldReceiver;
let tenantId: PublicId;
let endpoint: EndpointFixture;

beforeAll(async () => {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const common = { dataDir, logFolder: dataDir, port: undefined, signal: undefined };
  postgres = await startPostgres({ ...common, env, log: () => {} });
  await migrate(postgres.address);
  const url = new URL(postgres.address);
  way = await startCutProxy(Number(url.port));
  url.port = String(way.port);
  pipeline = await createPipeline({ DATABASE_URL: url.href });
});
afterAll(async () => {
  await pipeline.close();
  await way.close();
  await postgres.stop();
  removeDataDirectory(dataDir);
});
beforeEach(async () => {
  held = await startHeldReceiver();
  tenantId = await insertTenant(pipeline.platform.pool);
  endpoint = await makeEndpoint(held.url);
});
afterEach(async () => {
  await held.close();
});

/** The migrations' own library cannot be loaded inside of a test. */
async function migrate(url: string): Promise<void> {
  const folder = path.resolve(__dirname, '../../../infra/postgres/migrations');
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const file of readdirSync(folder).sort()) {
    const [up] = readFileSync(path.join(folder, file), 'utf8').split('-- Down Migration');
    await client.query(up ?? '');
  }
  await client.end();
}

const NOW = { wanted: () => true, insist: false };
const { read, attemptsOf } = deliveryReads(() => pipeline.platform.pool);

function makeEndpoint(url: string, options: { patterns?: string[]; delaysMs?: number[] } = {}) {
  const { pool, keyring } = pipeline.platform;
  // The schedule's first delay: nothing is due again within the test.
  return insertEndpoint(pool, keyring, tenantId, { url, delaysMs: [600_000], ...options });
}

function leasedOf({ id, endpointId }: { id: PublicId; endpointId: PublicId }, lease: string): LeasedDelivery {
  return {
    deliveryId: id,
    tenantId,
    messageId: newId('msg'),
    endpointId,
    endpointVersion: 1,
    body: '{}',
    lease,
    attempts: 0,
    attemptsInRun: 0,
    createdAtMs: Date.now(),
    startBeforeMs: Date.now() + 30_000,
  };
}

/** Makes deliveries and their first attempts, under leases of `leaseMs` in the database. */
async function attemptLeased(engine: DeliveryEngine, options: { count: number; leaseMs: number }) {
  const lease = randomUUID();
  const deliveries = await storeOnly(pipeline.platform.pool, tenantId, { lease, ...options });
  return deliveries.map((delivery) => {
    const leased = leasedOf(delivery, lease);
    const end = new Promise<AttemptEnd>((resolve) => engine.attemptLeased(leased, 'accept', resolve));
    return { ...delivery, end };
  });
}

test.each([
  // Longer than the leases, and than anybody would wait without meaning to.
  { what: 'a kill', awayMs: 11_000, leave: () => postgres.kill('SIGKILL'), comeBack: () => postgres.restart() },
  // The server's own start is long ago, as after a failover.
  { what: 'a cut', awayMs: 2_000, leave: async () => way.cut(), comeBack: async () => way.mend() },
])(
  'outcomes known before $what are recorded after it; nobody sends those again',
  async ({ awayMs, leave, comeBack }) => {
    const failing = await startHeldReceiver();
    await makeEndpoint(failing.url);
    const attempts = await attemptLeased(pipeline.dispatch.engine, { count: 2, leaseMs: 1_000 });
    await eventually(() => (held.received === 2 && failing.received === 2 ? true : undefined));
    await leave();
    const away = Date.now();
    held.answer(200);
    failing.answer(500);

    // Another process, to which the deliveries fall when their leases have run out.
    const other = openDispatch(pipeline.openPlatform()).engine;
    const recorded = new AbortController();
    const taking = attempts.map(async ({ id, endpointId }) => {
      while (!recorded.signal.aborted) {
        await other.attemptDue({ id, tenantId, endpointId }, NOW).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    await eventually(() => (Date.now() - away > awayMs ? true : undefined));
    await comeBack();

    const ends = await Promise.all(attempts.map(({ end }) => end));
    recorded.abort();
    await Promise.all(taking);
    await other.drain();
    expect([held.received, failing.received]).toEqual([2, 2]);
    for (const [index, { id, endpointId }] of attempts.entries()) {
      const state = endpointId === endpoint.id ? 'delivered' : 'retrying';
      expect(ends[index]).toMatchObject({ state });
      expect(await read(id)).toMatchObject({ state, attempts: 1, claim: null });
      expect(await attemptsOf(id)).toHaveLength(1);
    }
    await failing.close();
  },
);

test('a lease that ran out is taken over some seconds after a restart, when its holder is gone', async () => {
  const lost = only(await storeOnly(pipeline.platform.pool, tenantId, { lease: randomUUID(), leaseMs: -1_000 }));
  await postgres.restart();
  const { engine } = pipeline.dispatch;
  const attempt = () => engine.attemptDue({ ...lost, tenantId }, NOW);
  const early = await eventually(() =>
    attempt().then(
      (end) => ({ end }),
      () => undefined,
    ),
  );
  expect(early).toEqual({ end: undefined });
  expect((await read(lost.id)).attempts).toBe(0);
  const end = eventually(attempt);
  await held.waiting();
  held.answer(200);
  expect(await end).toEqual({ state: 'delivered' });
});

describe('an engine whose Postgres does not answer', () => {
  function engineWith(hold: OutcomeHoldOptions, concurrency = 2): DeliveryEngine {
    const { platform, dispatch, metrics, log } = pipeline;
    return createDeliveryEngine({
      pool: platform.pool,
      client: createGuardedClient({ policy: LOOPBACK }),
      endpoints: dispatch.endpoints,
      metrics,
      log,
      concurrency,
      concurrencyPerEndpoint: concurrency,
      hold,
      onBacklog: () => undefined,
    });
  }

  test('starts no further attempts when it holds as many bytes as it may', async () => {
    const engine = engineWith({ maxBytes: 1 });
    const warm = only(await attemptLeased(engine, { count: 1, leaseMs: 30_000 }));
    await held.waiting();
    held.answer(200);
    await warm.end;
    const attempts = await attemptLeased(engine, { count: 6, leaseMs: 30_000 });
    await eventually(() => (held.received === 3 ? true : undefined));
    await postgres.kill('SIGKILL');
    held.answer(200);
    await expect(eventually(() => (held.received > 3 ? true : undefined), 1_500)).rejects.toThrow();
    expect(engine.waiting).toBe(4);
    await postgres.restart();
    await eventually(() => {
      held.answer(200);
      return held.received === 7 ? true : undefined;
    });
    held.answer(200);
    for (const { end } of attempts) expect(await end).toEqual({ state: 'delivered' });
  });

  test('makes no attempt of a delivery whose endpoint it does not know, and counts none', async () => {
    const engine = engineWith({});
    const lease = randomUUID();
    const { id, endpointId } = only(await storeOnly(pipeline.platform.pool, tenantId, { lease, leaseMs: 1_000 }));
    await postgres.kill('SIGKILL');
    const leased = leasedOf({ id, endpointId }, lease);
    expect(await new Promise((resolve) => engine.attemptLeased(leased, 'accept', resolve))).toEqual({
      state: 'declined',
    });
    await postgres.restart();
    const row = await eventually(() => read(id).catch(() => undefined));
    expect(row).toMatchObject({ state: 'pending', attempts: 0 });
    expect(await attemptsOf(id)).toEqual([]);
  });

  test('closes in bounded time; what it could not record is sent again later', async () => {
    const engine = engineWith({ closingMs: 200 });
    const [attempt] = await attemptLeased(engine, { count: 1, leaseMs: 30_000 });
    await held.waiting();
    await postgres.kill('SIGKILL');
    held.answer(200);
    const began = Date.now();
    await engine.close();
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(await attempt?.end).toEqual({ state: 'declined' });
    await postgres.restart();
  });
});

test('a connection that breaks between the statements of a transaction fails it, and nothing else', async () => {
  const { pool } = pipeline.platform;
  const broken = inTransaction(pool, async (db) => {
    const { rows } = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const ended = once(db, 'end');
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    await db.query('SELECT 1');
  });
  await expect(broken).rejects.toThrow(/not queryable|terminat|closed/i);
  await expect(inTransaction(pool, (db) => db.query('SELECT 1'))).resolves.toMatchObject({ rowCount: 1 });
});
