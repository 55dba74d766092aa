import { Webhook } from 'standardwebhooks';
import type { PublicId } from '../../../core/ids';
import { toUuid } from '../../../core/ids';
import type { PublishResult } from '../../../domains/webhooks/publishing/publisher';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { startHeldReceiver } from '../../support/held-receiver';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

// Both ways of making the first attempt pass the same tests.
describe.each(['api', 'workflow'])('first attempt by the %s', (firstAttempt) => {
  let pipeline: Pipeline;
  let receiver: TestReceiver;
  let tenantId: PublicId;

  beforeAll(async () => {
    pipeline = await createPipeline({ WAYBILL_FIRST_ATTEMPT: firstAttempt, WAYBILL_SWEEP_GRACE: '500ms' });
    await pipeline.startWorker();
  });
  afterAll(async () => {
    await pipeline.close();
  });
  beforeEach(async () => {
    receiver = await startReceiver();
    tenantId = await insertTenant(pipeline.database.pool);
  });
  afterEach(async () => {
    await receiver.close();
  });

  const endpoint = (options: Omit<Parameters<typeof insertEndpoint>[3], 'url'> & { url?: string } = {}) =>
    insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, ...options });

  async function publish(payload: unknown = { n: 1 }, more: { eventType?: string } = {}) {
    return accepted(
      await pipeline.publisher.publish({
        tenantId,
        eventType: 'order.created',
        data: JSON.stringify(payload),
        channels: [],
        ...more,
      }),
    );
  }

  async function untilState(deliveryId: PublicId, state: string) {
    return eventually(async () => {
      const row = await readDelivery(deliveryId);
      return row.state === state ? row : undefined;
    });
  }

  async function readDelivery(deliveryId: PublicId) {
    const { rows } = await pipeline.database.pool.query(
      'SELECT state, attempts, last_status, last_error, claim, next_attempt_at, workflow_id FROM deliveries WHERE id = $1',
      [toUuid(deliveryId)],
    );
    return rows[0];
  }

  test('a message reaches every matching endpoint, signed so that an independent verifier accepts it', async () => {
    const wanted = await endpoint({ patterns: ['order.*'] });
    await endpoint({ patterns: ['invoice.paid'] });
    const { deliveries, id } = await publish({ total: '10.00', note: 'ünïcode "quoted" \u0000' });
    expect(deliveries.map((delivery) => delivery.endpointId)).toEqual([wanted.id]);
    await receiver.waitFor(1);
    const [request] = receiver.received;
    const headers = request?.headers as Record<string, string>;
    expect(headers['webhook-id']).toBe(id);
    expect(headers['content-type']).toBe('application/json');
    expect(new Webhook(wanted.secret).verify(request?.body ?? '', headers)).toMatchObject({
      type: 'order.created',
      data: { total: '10.00', note: 'ünïcode "quoted" \u0000' },
    });
    expect(() => new Webhook(wanted.secret).verify(`${request?.body} `, headers)).toThrow();
    await untilState(deliveries[0]?.id ?? '', 'delivered');
    expect(receiver.received).toHaveLength(1);
  });

  test('failures are retried by the schedule until one succeeds', async () => {
    await endpoint();
    // A fresh connection is not tried twice, so the lost one counts as an attempt.
    receiver.script(
      { status: 500, headers: { connection: 'close' } },
      { status: 0 },
      { status: 302, headers: { location: receiver.url } },
    );
    const { deliveries } = await publish();
    const row = await untilState(deliveries[0]?.id ?? '', 'delivered');
    expect(row.attempts).toBe(4);
    expect(receiver.received).toHaveLength(4);
    const ids = new Set(receiver.received.map((request) => request.headers['webhook-id']));
    expect(ids.size).toBe(1);
    const { rows } = await pipeline.database.pool.query(
      'SELECT number, outcome, status, error FROM attempts WHERE delivery_id = $1 ORDER BY id',
      [toUuid(deliveries[0]?.id ?? '')],
    );
    expect(rows).toEqual([
      { number: 1, outcome: 'failed', status: 500, error: 'http-500' },
      { number: 2, outcome: 'failed', status: null, error: 'connection' },
      { number: 3, outcome: 'failed', status: 302, error: 'http-302' },
      { number: 4, outcome: 'succeeded', status: 200, error: null },
    ]);
  });

  test('a delivery whose schedule is used up becomes a dead letter, and can be retried from there', async () => {
    await endpoint({ delaysMs: [50] });
    receiver.always({ status: 503, body: 'busy' });
    const { deliveries } = await publish();
    const deliveryId = deliveries[0]?.id ?? '';
    await untilState(deliveryId, 'dead');
    expect(receiver.received).toHaveLength(2);
    const { rows } = await pipeline.database.pool.query(
      "SELECT 'dl_' || replace(id::text, '-', '') AS id, reason, last_status, attempts, state FROM dead_letters WHERE delivery_id = $1",
      [toUuid(deliveryId)],
    );
    expect(rows).toEqual([
      { id: expect.any(String), reason: 'exhausted', last_status: 503, attempts: 2, state: 'open' },
    ]);

    receiver.always({ status: 204 });
    expect(await pipeline.commands.retryDeadLetter(tenantId, rows[0].id)).toMatchObject({ outcome: 'done' });
    expect((await untilState(deliveryId, 'delivered')).attempts).toBe(3);
    expect(await pipeline.commands.retryDeadLetter(tenantId, rows[0].id)).toEqual({
      outcome: 'wrong-state',
      state: 'retried',
    });
  });

  test('410 Gone ends the delivery and disables the endpoint', async () => {
    const { id } = await endpoint();
    receiver.always({ status: 410 });
    const { deliveries } = await publish();
    await untilState(deliveries[0]?.id ?? '', 'dead');
    expect(receiver.received).toHaveLength(1);
    const { rows } = await pipeline.database.pool.query('SELECT state FROM endpoints WHERE id = $1', [toUuid(id)]);
    expect(rows[0].state).toBe('disabled');
    expect((await publish()).deliveries).toEqual([]);
  });

  test('Retry-After is waited for', async () => {
    await endpoint({ delaysMs: [10, 10] });
    receiver.script({ status: 429, headers: { 'retry-after': '2' } });
    const { deliveries } = await publish();
    await untilState(deliveries[0]?.id ?? '', 'delivered');
    const [first, second] = receiver.received;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_950);
  });

  test('a retry is made at once when an operator asks, and a cancelled delivery is left alone', async () => {
    await endpoint({ delaysMs: [600_000] });
    receiver.script({ status: 500 }, { status: 200 }, { status: 500 });
    const first = (await publish()).deliveries[0]?.id ?? '';
    await untilState(first, 'retrying');
    expect(await pipeline.commands.retry(tenantId, first)).toMatchObject({ outcome: 'done' });
    await untilState(first, 'delivered');

    const second = (await publish()).deliveries[0]?.id ?? '';
    await untilState(second, 'retrying');
    expect(await pipeline.commands.cancel(tenantId, second)).toMatchObject({ outcome: 'done' });
    expect((await readDelivery(second)).state).toBe('cancelled');
    expect(await pipeline.commands.retry(tenantId, second)).toEqual({ outcome: 'wrong-state', state: 'cancelled' });
    const { workflow_id: workflowId } = await readDelivery(second);
    await eventually(async () => {
      const workflow = pipeline.client.workflow.getHandle(workflowId);
      const description = await workflow.describe().catch(() => undefined);
      return description?.status.name === 'COMPLETED' ? true : undefined;
    });
    expect(receiver.received).toHaveLength(3);
    expect(await pipeline.commands.retry(await insertTenant(pipeline.database.pool), first)).toEqual({
      outcome: 'not-found',
    });
  });

  test('while an endpoint is paused its deliveries are held, and go on when it is released', async () => {
    const { id } = await endpoint({ state: 'paused' });
    const { deliveries } = await publish();
    const deliveryId = deliveries[0]?.id ?? '';
    expect((await readDelivery(deliveryId)).state).toBe('held');
    await pipeline.database.pool.query("UPDATE endpoints SET state = 'enabled', version = version + 1 WHERE id = $1", [
      toUuid(id),
    ]);
    await pipeline.commands.letHeldFollow(tenantId, id);
    await untilState(deliveryId, 'delivered');
  });

  test('a slow endpoint does not delay the others of its batch', async () => {
    const slow = await startHeldReceiver();
    const { id: slowId } = await endpoint({ url: slow.url, timeoutMs: 30_000 });
    const quick = await endpoint();
    const published = await Promise.all(Array.from({ length: 20 }, (_, n) => publish({ n })));
    await receiver.waitFor(20);
    const quickOnes = published.flatMap((result) => result.deliveries.filter((d) => d.endpointId === quick.id));
    await Promise.all(quickOnes.map((delivery) => untilState(delivery.id, 'delivered')));
    await slow.waiting();
    const { rows } = await pipeline.database.pool.query(
      "SELECT FROM deliveries WHERE endpoint_id = $1 AND state = 'delivered'",
      [toUuid(slowId)],
    );
    expect(rows).toEqual([]);
    await slow.close();
    await pipeline.dispatch.engine.drain();
  });
});

function accepted(result: PublishResult) {
  if (result.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return result;
}
