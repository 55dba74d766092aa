import { Connection } from '@temporalio/client';
import { toUuid } from '../../../core/ids';
import type { PublishInput } from '../../../domains/webhooks';
import { dateIn } from '../../../domains/webhooks/rules/lane';
import { startCover } from '../../../domains/webhooks/start';
import { releaseHeld } from '../../../domains/webhooks/store/held-flow';
import { taskQueue } from '../../../infra/temporal/task-queues';
import { createApi, type TestApi } from '../../support/api-support';
import { deliveryReads, only } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { startReceiver, type TestReceiver } from '../../support/receiver';

const MANY = 2_500;
/** More than two commits hold. */
const SOME = 400;

let api: TestApi;
let receiver: TestReceiver;

beforeAll(async () => {
  api = await createApi();
  receiver = await startReceiver();
});
afterAll(async () => {
  await api.close();
  await receiver.close();
});

const { query } = deliveryReads(() => api.pipeline.database.pool);

async function newEndpoint(tenantId: string, tier = 'standard'): Promise<string> {
  const { pool } = api.pipeline.database;
  const { id } = await insertEndpoint(pool, api.deps.keyring, tenantId, { url: receiver.url });
  await query('UPDATE endpoints SET tier = $2 WHERE id = $1', toUuid(id), tier);
  return id;
}

const input = (tenantId: string, more: Partial<PublishInput> = {}): PublishInput => ({
  tenantId,
  eventType: 'order.created',
  data: '1',
  channels: [],
  ...more,
});

/** Publishes it by the API, and says the lane of its delivery to each endpoint. */
async function lanesOf(key: string, message: object): Promise<Record<string, string>> {
  const body = { eventType: 'order.created', payload: 1, ...message };
  const published = await api.call('POST', '/v1/messages', { key, body });
  expect(published.status).toBe(202);
  const { body: list } = await api.call('GET', `/v1/deliveries?messageId=${published.body.id}`, { key });
  return Object.fromEntries(list.data.map((one: Record<string, string>) => [one.endpointId, one.priority]));
}

describe('what decides the lane', () => {
  test('is the tier of the endpoint, then the event type, then the day, then what the publisher asks for', async () => {
    const { tenantId, key } = await api.newTenant();
    const [premium, standard, bulk] = [
      await newEndpoint(tenantId, 'premium'),
      await newEndpoint(tenantId),
      await newEndpoint(tenantId, 'bulk'),
    ];
    const lanes = (first: string, second: string, third: string) => ({
      [premium]: first,
      [standard]: second,
      [bulk]: third,
    });
    const types = { body: { name: 'report.made', priority: 'bulk' }, key };
    expect((await api.call('POST', '/v1/event-types', types)).body.priority).toBe('bulk');
    await query('UPDATE tenants SET time_zone = $2 WHERE id = $1', toUuid(tenantId), 'Pacific/Kiritimati');
    const today = dateIn('Pacific/Kiritimati', Date.now());
    const elsewhere = dateIn('Pacific/Pago_Pago', Date.now());

    expect(await lanesOf(key, {})).toEqual(lanes('urgent', 'normal', 'bulk'));
    expect(await lanesOf(key, { eventType: 'report.made' })).toEqual(lanes('bulk', 'bulk', 'bulk'));
    expect(await lanesOf(key, { eventType: 'report.made', eventDate: today })).toEqual(
      lanes('urgent', 'urgent', 'urgent'),
    );
    // It is a day or two behind, whatever the hour.
    expect(await lanesOf(key, { eventDate: elsewhere })).toEqual(lanes('urgent', 'normal', 'bulk'));
    expect(await lanesOf(key, { eventDate: today, priority: 'bulk' })).toEqual(lanes('bulk', 'bulk', 'bulk'));
    expect(await lanesOf(key, { priority: 'normal' })).toEqual(lanes('normal', 'normal', 'normal'));
  });

  test('may be the weekday, for what says nothing of its day', async () => {
    const { tenantId, key } = await api.newTenant();
    const [standard, bulk] = [await newEndpoint(tenantId), await newEndpoint(tenantId, 'bulk')];
    expect((await api.call('GET', '/v1/priority-rules', { key })).body).toEqual({ urgentWeekdays: [] });
    const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
    const answer = await api.call('PATCH', '/v1/priority-rules', { key, body: { urgentWeekdays: days } });
    expect(answer.body.urgentWeekdays).toHaveLength(7);
    expect((await api.call('GET', '/v1/priority-rules', { key })).body).toEqual(answer.body);
    expect(await lanesOf(key, {})).toEqual({ [standard]: 'urgent', [bulk]: 'bulk' });
    expect(await lanesOf(key, { eventDate: '2020-02-29' })).toEqual({ [standard]: 'normal', [bulk]: 'bulk' });
  });

  test('may be taken back from an event type', async () => {
    const { tenantId, key } = await api.newTenant();
    const endpoint = await newEndpoint(tenantId);
    const path = '/v1/event-types/order.created';
    await api.call('POST', '/v1/event-types', { key, body: { name: 'order.created' } });
    await api.call('PATCH', path, { key, body: { priority: 'urgent' } });
    expect((await api.call('PATCH', path, { key, body: { description: 'as it was' } })).body.priority).toBe('urgent');
    expect(await lanesOf(key, {})).toEqual({ [endpoint]: 'urgent' });
    expect((await api.call('PATCH', path, { key, body: { priority: null } })).body.priority).toBeNull();
  });

  test.each([{ priority: 'asap' }, { eventDate: '2026-02-30' }])('is refused when it is %j', async (wrong) => {
    const body = { eventType: 'order.created', payload: 1, ...wrong };
    expect((await api.call('POST', '/v1/messages', { body })).status).toBe(422);
  });
});

describe('a commit of one lane', () => {
  /** Has many of a lane wait, and says how many of these still wait when one of another lane is committed. */
  async function leftWhen(one: PublishInput['priority'], many: PublishInput['priority']): Promise<number> {
    const { publisher } = api.pipeline;
    const tenantId = await insertTenant(api.pipeline.database.pool);
    await publisher.publish(input(tenantId));
    let left = MANY;
    const all = Array.from({ length: MANY }, () =>
      publisher.publish(input(tenantId, { priority: many })).finally(() => left--),
    );
    await publisher.publish(input(tenantId, { priority: one }));
    const leftThen = left;
    await Promise.all(all);
    return leftThen;
  }

  test('does not wait for those of others: neither what is urgent for bulk, nor bulk for ever', async () => {
    // Connections are opened, and the statement is planned on each, the first time.
    await leftWhen('urgent', 'normal');
    expect(await leftWhen('urgent', 'bulk')).toBeGreaterThan(SOME);
    expect(await leftWhen('bulk', 'urgent')).toBeGreaterThan(SOME);
    expect(await leftWhen('urgent', 'normal')).toBeGreaterThan(SOME);
  });

  test('is refused without the others when too much of it waits', async () => {
    const { publisher } = api.pipeline;
    const tenantId = await insertTenant(api.pipeline.database.pool);
    await publisher.publish(input(tenantId));
    const data = JSON.stringify('x'.repeat(1_000_000));
    const large = Array.from({ length: 40 }, () => publisher.publish(input(tenantId, { data, priority: 'bulk' })));
    const others = ['urgent', 'normal'] as const;
    const small = others.map((priority) => publisher.publish(input(tenantId, { priority })));
    const ends = await Promise.allSettled(large);
    expect(ends.some(({ status }) => status === 'rejected')).toBe(true);
    expect(await Promise.all(small)).toMatchObject([{ outcome: 'accepted' }, { outcome: 'accepted' }]);
  });
});

describe('what waits for one endpoint', () => {
  /** Ten deliveries of each lane, the least urgent first. */
  async function waiting(): Promise<{ tenantId: string; endpointId: string }> {
    const tenantId = await insertTenant(api.pipeline.database.pool);
    const endpointId = await newEndpoint(tenantId);
    await query("UPDATE endpoints SET backlog_until = now() + interval '1 hour' WHERE id = $1", toUuid(endpointId));
    // Urgent ones would be attempted at once.
    for (const priority of ['bulk', 'normal', 'normal'] as const) {
      await Promise.all(
        Array.from({ length: 10 }, () => api.pipeline.publisher.publish(input(tenantId, { priority }))),
      );
    }
    await query(
      `UPDATE deliveries SET lane = 0 WHERE id IN (
         SELECT id FROM deliveries WHERE endpoint_id = $1 AND lane = 1 ORDER BY id DESC LIMIT 10)`,
      toUuid(endpointId),
    );
    return { tenantId, endpointId };
  }

  test('is leased from its backlog lane by lane, the most overdue first, and no lane waits for ever', async () => {
    const { endpointId } = await waiting();
    const lanes: (string | undefined)[] = [];
    for (let n = 0; n < 30; n++) {
      const { leased } = await api.pipeline.dispatch.engine.leaseBacklog(endpointId, 1);
      lanes.push(only(leased).lane);
    }
    expect(lanes.slice(0, 4)).toEqual(['urgent', 'urgent', 'urgent', 'normal']);
    expect(lanes.slice(0, 18).filter((lane) => lane === 'bulk').length).toBeGreaterThanOrEqual(1);
    expect(lanes.slice(0, 18).filter((lane) => lane === 'urgent').length).toBe(10);
  });

  test('does not keep what is urgent waiting, which is attempted at once', async () => {
    const { tenantId, endpointId } = await waiting();
    receiver.received.splice(0);
    await api.pipeline.publisher.publish(input(tenantId, { priority: 'urgent', data: '"now"' }));
    await receiver.waitFor(1);
    expect(only(receiver.received).body).toContain('"data":"now"');
    const rows = await query<{ count: number }>(
      'SELECT count(*)::int AS count FROM deliveries WHERE endpoint_id = $1 AND backlog',
      toUuid(endpointId),
    );
    expect(only(rows).count).toBe(30);
  });

  test('goes together where there is room, the urgent first', async () => {
    const { endpointId } = await waiting();
    const { leased } = await api.pipeline.dispatch.engine.leaseBacklog(endpointId, 25);
    const expected = [...Array(10).fill('urgent'), ...Array(10).fill('normal'), ...Array(5).fill('bulk')];
    expect(leased.map(({ lane }) => lane)).toEqual(expected);
  });

  test('is let go lane by lane when it was held', async () => {
    const { endpointId } = await waiting();
    await query("UPDATE endpoints SET circuit = 'draining' WHERE id = $1", toUuid(endpointId));
    await query(
      "UPDATE deliveries SET state = 'held', backlog = false, next_attempt_at = NULL WHERE endpoint_id = $1",
      toUuid(endpointId),
    );
    expect(await releaseHeld(api.deps.pool, endpointId, { limit: 15, mostWaiting: 100 })).toMatchObject({ count: 15 });
    const rows = await query<{ lane: number; count: number }>(
      'SELECT lane, count(*)::int AS count FROM deliveries WHERE endpoint_id = $1 AND backlog GROUP BY lane ORDER BY lane',
      toUuid(endpointId),
    );
    expect(rows).toEqual([
      { lane: 0, count: 10 },
      { lane: 1, count: 5 },
    ]);
  });
});

test('the server gives tasks of urgent workflows before those of bulk ones that came first', async () => {
  const { client, platform } = api.pipeline;
  // Nobody works here, so what is next can be asked for.
  const config = { WAYBILL_TASK_QUEUE: `lanes-${toUuid(api.tenantId).slice(0, 8)}` };
  const startAll = async (lane: 'bulk' | 'urgent', count: number) => {
    for (let n = 0; n < count; n++) {
      const workflowId = `${config.WAYBILL_TASK_QUEUE}/${lane}-${n}`;
      const cover = { workflowId, open: [], ended: {}, tenantIds: [], endpointIds: [], startDelayMs: 0, lane };
      await startCover({ client, config }, cover);
    }
  };
  await startAll('bulk', 16);
  await startAll('urgent', 8);
  const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS ?? '' });
  const poll = () =>
    connection.workflowService.pollWorkflowTaskQueue({
      namespace: platform.namespace,
      taskQueue: { name: taskQueue(config, 'delivery') },
      identity: 'test',
    });
  const order: string[] = [];
  while (order.length < 24) {
    const { workflowExecution } = await connection.withDeadline(Date.now() + 20_000, poll);
    order.push(workflowExecution?.workflowId ?? '');
  }
  await connection.close();
  // A task queue is kept in parts, each with an order of its own.
  const placesOf = (lane: string) => order.flatMap((id, place) => (id.includes(lane) ? [place] : []));
  const mean = (places: readonly number[]) => places.reduce((sum, place) => sum + place, 0) / places.length;
  expect(placesOf('urgent')).toHaveLength(8);
  expect(mean(placesOf('urgent'))).toBeLessThan(mean(placesOf('bulk')));
  await Promise.all(order.map((id) => client.workflow.getHandle(id).terminate()));
});
