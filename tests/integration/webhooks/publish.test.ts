import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { type PublicId, toUuid } from '../../../core/ids';
import type { PublishInput, PublishResult } from '../../../domains/webhooks/publishing/publisher';
import { taskQueue } from '../../../infra/temporal/task-queues';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
  receiver = await startReceiver();
  await pipeline.startWorker();
});
afterAll(async () => {
  await pipeline.close();
  await receiver.close();
});
beforeEach(async () => {
  tenantId = await insertTenant(pipeline.database.pool);
});

type Input = Partial<PublishInput>;

const complete = (input: Input = {}): PublishInput => ({
  tenantId,
  eventType: 'order.created',
  data: '{"n":1}',
  channels: [],
  ...input,
});
const publish = (input: Input = {}) => pipeline.publisher.publish(complete(input));
const endpoint = (options: Partial<Parameters<typeof insertEndpoint>[3]> = {}) =>
  insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, ...options });

async function query<R extends object>(text: string, ...values: unknown[]): Promise<R[]> {
  return (await pipeline.database.pool.query<R>(text, values)).rows;
}

async function count(table: string): Promise<number> {
  const [row] = await query<{ n: number }>(
    `SELECT count(*)::int AS n FROM ${table} WHERE tenant_id = $1`,
    toUuid(tenantId),
  );
  return row?.n ?? Number.NaN;
}

function accepted(result: PublishResult) {
  if (result.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return result;
}

describe('which endpoints a message is for', () => {
  const word = fc.constantFrom('order', 'item', 'paid');
  const eventType = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
  const pattern = fc.oneof(
    fc.constant('*'),
    eventType,
    eventType.map((prefix) => `${prefix}.*`),
  );
  const channels = fc.subarray(['a', 'b', 'c'], { maxLength: 2 });
  const endpoints = fc.array(
    fc.record({
      patterns: fc.uniqueArray(pattern, { maxLength: 3 }),
      channels,
      state: fc.constantFrom('enabled', 'enabled', 'paused', 'disabled', 'deleted'),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const messages = fc.array(fc.record({ eventType, channels }), { minLength: 1, maxLength: 5 });

  function wants(
    subscriber: { patterns: string[]; channels: string[]; state: string },
    message: { eventType: string; channels: string[] },
  ) {
    const type = (patternText: string) =>
      patternText === '*' ||
      patternText === message.eventType ||
      (patternText.endsWith('.*') && message.eventType.startsWith(patternText.slice(0, -1)));
    const channel =
      subscriber.channels.length === 0 || subscriber.channels.some((name) => message.channels.includes(name));
    return (
      subscriber.state !== 'disabled' && subscriber.state !== 'deleted' && subscriber.patterns.some(type) && channel
    );
  }

  test('those alone that are there, subscribe to its type and share a channel; paused ones wait', async () => {
    await fc.assert(
      fc.asyncProperty(endpoints, messages, async (subscribers, wanted) => {
        tenantId = await insertTenant(pipeline.database.pool);
        const ids: PublicId[] = [];
        for (const { state, ...options } of subscribers) {
          const { id } = await endpoint({ ...options, state: state === 'deleted' ? 'enabled' : state });
          if (state === 'deleted') await query('UPDATE endpoints SET deleted_at = now() WHERE id = $1', toUuid(id));
          ids.push(id);
        }
        const published = await Promise.all(wanted.map((message) => publish(message)));
        for (const [n, message] of wanted.entries()) {
          const { id, deliveries } = accepted(published[n] as PublishResult);
          const expected = ids.filter((_, at) => wants(subscribers[at] as (typeof subscribers)[number], message));
          expect(deliveries.map((delivery) => delivery.endpointId).sort()).toEqual([...expected].sort());
          const held = await query<{ endpoint: string }>(
            "SELECT 'ep_' || replace(endpoint_id::text, '-', '') AS endpoint FROM deliveries WHERE message_id = $1 AND state = 'held'",
            toUuid(id),
          );
          const paused = expected.filter((endpointId) => subscribers[ids.indexOf(endpointId)]?.state === 'paused');
          expect(held.map((row) => row.endpoint).sort()).toEqual([...paused].sort());
        }
      }),
      { numRuns: 40 },
    );
    await pipeline.dispatch.engine.drain();
  });

  test('an endpoint with several patterns that match gets one delivery', async () => {
    await endpoint({ patterns: ['*', 'order.*', 'order.created'] });
    expect(accepted(await publish()).deliveries).toHaveLength(1);
  });

  test('endpoints of other tenants are left out', async () => {
    await endpoint();
    tenantId = await insertTenant(pipeline.database.pool);
    expect(accepted(await publish()).deliveries).toEqual([]);
  });

  test('a held delivery is not attempted and has no due time', async () => {
    await endpoint({ state: 'paused' });
    const before = receiver.received.length;
    const { deliveries } = accepted(await publish());
    await pipeline.dispatch.engine.drain();
    const rows = await query(
      'SELECT state, next_attempt_at, claim, attempts FROM deliveries WHERE id = $1',
      toUuid(deliveries[0]?.id ?? ''),
    );
    expect(rows).toEqual([{ state: 'held', next_attempt_at: null, claim: null, attempts: 0 }]);
    expect(receiver.received).toHaveLength(before);
  });
});

describe('a message for one endpoint', () => {
  test('goes there alone, whatever it and others subscribe to', async () => {
    await endpoint();
    const { id } = await endpoint({ patterns: ['invoice.paid'] });
    expect(accepted(await publish({ endpointId: id })).deliveries.map((delivery) => delivery.endpointId)).toEqual([id]);
    const { id: silent } = await endpoint({ patterns: [] });
    expect(accepted(await publish({ endpointId: silent })).deliveries).toHaveLength(1);
  });

  test('shares a channel with it all the same, if it has channels', async () => {
    const { id } = await endpoint({ channels: ['berlin'] });
    expect(accepted(await publish({ endpointId: id, channels: ['berlin'] })).deliveries).toHaveLength(1);
    expect(accepted(await publish({ endpointId: id, channels: ['paris'] })).deliveries).toEqual([]);
  });

  test('waits when it is paused, and goes nowhere when it is disabled, deleted or another tenant’s', async () => {
    const { id: paused } = await endpoint({ state: 'paused' });
    expect(accepted(await publish({ endpointId: paused })).deliveries).toHaveLength(1);
    const { id: disabled } = await endpoint({ state: 'disabled' });
    expect(accepted(await publish({ endpointId: disabled })).deliveries).toEqual([]);
    const { id: deleted } = await endpoint();
    await query('UPDATE endpoints SET deleted_at = now() WHERE id = $1', toUuid(deleted));
    expect(accepted(await publish({ endpointId: deleted })).deliveries).toEqual([]);
    tenantId = await insertTenant(pipeline.database.pool);
    expect(accepted(await publish({ endpointId: paused })).deliveries).toEqual([]);
  });
});

describe('a bad item in a batch', () => {
  // What the database refuses, should it ever get past the API's validation.
  const bad: [string, Input][] = [
    ['an event id with a NUL', { eventId: 'a\u0000b' }],
    ['an event id with half a surrogate pair', { eventId: 'a\ud800b' }],
    ['an Idempotency-Key with a NUL', { idempotencyKey: '\u0000' }],
    ['a channel with a NUL', { channels: ['\u0000'] }],
    ['an endpoint id that is none', { endpointId: 'ep_nonsense' }],
    ['an event id too long for the index', { eventId: randomBytes(12_000).toString('base64') }],
  ];

  test.each(bad)('%s fails for its publisher alone', async (_what, input) => {
    await endpoint();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => publish(n === 7 ? input : { eventId: `e${n}`, data: String(n) })),
    );
    expect(results.flatMap((result, n) => (result.status === 'rejected' ? [n] : []))).toEqual([7]);
    expect([await count('messages'), await count('deliveries'), await count('message_keys')]).toEqual([19, 19, 19]);
    const repeated = await publish({ eventId: 'e8', data: '8' });
    expect(accepted(repeated).duplicate).toBe(true);
  });

  test('a payload may hold what Postgres text may not', async () => {
    await endpoint();
    const before = receiver.received.length;
    const payload = { nul: '\u0000', half: '\ud800', 'key\u0000': ['\udfff'] };
    const { deliveries, id } = accepted(await publish({ data: JSON.stringify(payload), eventId: 'e' }));
    await eventually(async () => (receiver.received.length > before ? true : undefined));
    const request = receiver.received.find(({ headers }) => headers['webhook-id'] === id);
    expect(JSON.parse(request?.body ?? '{}')).toMatchObject({ data: payload });
    expect(deliveries).toHaveLength(1);
    expect(accepted(await publish({ data: JSON.stringify(payload), eventId: 'e' })).duplicate).toBe(true);
  });
});

test('content is forgotten when its publisher asked for it, and only that', async () => {
  await endpoint({ state: 'paused' });
  const brief = accepted(await publish({ contentExpiresAt: new Date(Date.now() - 1), eventId: 'brief' }));
  const later = accepted(await publish({ contentExpiresAt: new Date(Date.now() + 3_600_000) }));
  const plain = accepted(await publish());
  const bodies = () =>
    Promise.all(
      [brief, later, plain].map(async ({ id }) => {
        const [row] = await query<{ kept: boolean }>(
          'SELECT body IS NOT NULL AS kept FROM messages WHERE id = $1',
          toUuid(id),
        );
        return row?.kept;
      }),
    );
  expect(await bodies()).toEqual([true, true, true]);
  const report = await pipeline.client.workflow.execute('retention', {
    taskQueue: taskQueue(pipeline.config, 'upkeep'),
    workflowId: `retention-${tenantId}`,
  });
  expect(report).toMatchObject({ contentsExpiredOnRequest: 1, messagesRemoved: 0 });
  expect(await bodies()).toEqual([false, true, true]);
  expect(accepted(await publish({ eventId: 'brief' })).id).toBe(brief.id);
});
