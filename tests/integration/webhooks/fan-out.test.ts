import { type PublicId, toUuid } from '../../../core/ids';
import { createEventType } from '../../../domains/webhooks';
import { createFanOut, HEAVY_DELIVERIES } from '../../../domains/webhooks/publishing/fan-out';
import { newMessage } from '../../../domains/webhooks/publishing/new-message';
import { countDeliveries } from '../../../domains/webhooks/store/fan-out';
import { readTenantFacts, storePriorityRules } from '../../../domains/webhooks/store/lane-rules';
import type { Queryable } from '../../../infra/postgres/pool';
import { insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';

jest.setTimeout(180_000);

const MANY = 2_000;
const WAVES = 4;
const WAVE = 10;

let pipeline: Pipeline;
let heavy: PublicId;
let light: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
  heavy = await insertTenant(pipeline.database.pool);
  light = await insertTenant(pipeline.database.pool);
  await insertEndpoints(heavy, MANY, '*');
  await insertEndpoints(heavy, 3, 'rare');
  await insertEndpoints(light, 1, '*');
});
afterAll(() => pipeline.close());

/** Paused ones, so that only storing is measured: their deliveries are held, and nobody attempts them. */
async function insertEndpoints(tenantId: PublicId, count: number, pattern: string): Promise<void> {
  const channels = pattern === '*' ? [] : [pattern];
  await pipeline.database.pool.query(
    `WITH made AS (INSERT INTO endpoints (id, tenant_id, url, channels, retry_delays_ms, timeout_ms, state)
       SELECT gen_random_uuid(), $1, 'https://example.com', $4, '{1000}', 5000, 'paused' FROM generate_series(1, $2)
       RETURNING id)
     INSERT INTO endpoint_subscriptions (tenant_id, pattern, endpoint_id) SELECT $1, $3, id FROM made`,
    [toUuid(tenantId), count, pattern, channels],
  );
}

const input = (tenantId: PublicId, { eventType = 'order.created', channels = [] as string[] } = {}) => ({
  tenantId,
  eventType,
  data: '1',
  channels,
});

async function storedOf(tenantId: PublicId): Promise<number> {
  const text = 'SELECT count(*)::int AS n FROM deliveries WHERE tenant_id = $1';
  const { rows } = await pipeline.database.pool.query<{ n: number }>(text, [toUuid(tenantId)]);
  return rows[0]?.n ?? Number.NaN;
}

test("one tenant's messages to 2,000 endpoints each neither delay nor fail another's single ones", async () => {
  const { publisher } = pipeline;
  const mine = async () => {
    const startedAt = performance.now();
    const result = await publisher.publish(input(light));
    expect(result).toMatchObject({ outcome: 'accepted', deliveries: [expect.anything()] });
    return performance.now() - startedAt;
  };
  const started: ReturnType<typeof publisher.publish>[] = [];
  const latencies: number[] = [];
  // In waves, so that every commit that can be under way has some to take.
  for (let wave = 0; wave < WAVES; wave++) {
    for (let n = 0; n < WAVE; n++) started.push(publisher.publish(input(heavy)));
    latencies.push(await mine());
  }
  let busy = true;
  const heavies = Promise.all(started).finally(() => {
    busy = false;
  });
  while (busy) {
    latencies.push(await mine());
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const result of await heavies) {
    expect(result.outcome === 'accepted' && result.deliveries.length).toBe(MANY);
  }
  expect(await storedOf(heavy)).toBe(WAVES * WAVE * MANY);
  latencies.sort((a, b) => a - b);
  expect(latencies[Math.floor(latencies.length * 0.95)]).toBeLessThan(1_000);
  expect(latencies.at(-1)).toBeLessThan(15_000);
});

describe('what is known before a message is stored', () => {
  function counting() {
    const queries: (string | undefined)[] = [];
    const { pool } = pipeline.database;
    const db: Queryable = {
      query: (statement) => {
        queries.push(statement.name);
        return (pool as Queryable).query(statement);
      },
    };
    let time = 0;
    const fanOut = createFanOut({ db, now: () => time });
    const estimate = (tenantId: PublicId, kind: { eventType?: string; channels?: string[] } = {}) =>
      fanOut.estimate(newMessage(input(tenantId, kind)));
    return {
      fanOut,
      queries,
      estimate,
      wait: (ms: number) => {
        time += ms;
      },
    };
  }

  test('a tenant with few endpoints is asked for once, whatever it publishes, and later without anybody waiting', async () => {
    const { queries, estimate, wait, fanOut } = counting();
    const first = await Promise.all([1, 2, 3].map(async (n) => estimate(light, { eventType: `type.${n}` })));
    expect(first).toEqual([1, 1, 1]);
    for (let n = 0; n < 100; n++) expect(estimate(light, { channels: [`c${n}`] })).toBe(1);
    expect(queries).toEqual(['read-tenant-facts']);
    wait(10_000);
    expect(estimate(light)).toBe(1);
    await fanOut.drain();
    expect(queries).toEqual(['read-tenant-facts', 'read-tenant-facts']);
  });

  test('rules of a tenant are those that were read last, at most ten seconds ago while it publishes', async () => {
    const { estimate, wait, fanOut } = counting();
    expect(fanOut.rulesOf(light)).toBeUndefined();
    await estimate(light);
    expect(fanOut.rulesOf(light)).toEqual({ timeZone: 'UTC', weekdays: [], eventTypes: {} });
    await createEventType(pipeline.database.pool, light, { name: 'sale', description: '', priority: 'bulk' });
    await storePriorityRules(pipeline.database.pool, { tenantId: light, expected: undefined }, [7, 6, 7]);
    wait(10_000);
    await estimate(light);
    await fanOut.drain();
    expect(fanOut.rulesOf(light)).toEqual({ timeZone: 'UTC', weekdays: [6, 7], eventTypes: { sale: 'bulk' } });
  });

  test('a tenant with many endpoints is asked for each kind, until a message has shown how many it makes', async () => {
    const { queries, estimate, wait, fanOut } = counting();
    expect(await Promise.all([1, 2, 3].map(async () => estimate(heavy)))).toEqual([MANY, MANY, MANY]);
    expect(queries).toEqual(['read-tenant-facts', 'count-deliveries']);
    expect(estimate(heavy)).toBe(MANY);
    fanOut.made(newMessage(input(heavy)), 7);
    expect(estimate(heavy)).toBe(7);
    wait(10_000);
    expect(await estimate(heavy)).toBe(MANY);
    expect(await estimate(heavy, { eventType: 'rare', channels: ['rare'] })).toBe(MANY + 3);
    await fanOut.drain();
  });

  test('a tenant that has grown is known as such from its first message on', async () => {
    const { estimate, fanOut } = counting();
    await estimate(light);
    fanOut.made(newMessage(input(light)), HEAVY_DELIVERIES + 100);
    // Another kind may have grown too: it is asked for, and has not.
    expect(await estimate(light, { eventType: 'other' })).toBe(1);
  });

  test('the counts read by index, and endpoints only as far as it matters', async () => {
    const { pool } = pipeline.database;
    await pool.query('ANALYZE endpoints, endpoint_subscriptions');
    const plans: string[] = [];
    const db: Queryable = {
      query: async ({ text, values }) => {
        const explained = await pool.query({ text: `EXPLAIN (ANALYZE) ${text}`, values: values ?? [] });
        plans.push(explained.rows.map((row) => row['QUERY PLAN']).join('\n'));
        return { rows: [], rowCount: 0 };
      },
    };
    await readTenantFacts(db, [heavy, light], HEAVY_DELIVERIES + 1);
    await countDeliveries(db, [newMessage(input(heavy))]);
    expect(plans[0]).toContain('endpoints_by_tenant');
    expect(plans[0]).toContain('event_types_with_priority');
    expect(plans[1]).toContain('endpoint_subscriptions_pkey');
    expect(plans[1]).toContain('endpoints_pkey');
    expect(plans.join()).not.toContain('Seq Scan on endpoint');
    const facts = await readTenantFacts(pool as Queryable, [heavy, light], HEAVY_DELIVERIES + 1);
    expect(facts.map(({ endpoints }) => endpoints)).toEqual([HEAVY_DELIVERIES + 1, 1]);
  });
});
