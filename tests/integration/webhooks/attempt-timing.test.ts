import { WorkflowNotFoundError } from '@temporalio/client';
import { type PublicId, toUuid } from '../../../core/ids';
import { RETRY_NOW } from '../../../domains/webhooks/rules/workflow-names';
import { startCover } from '../../../domains/webhooks/start';
import { deliveryReads, only, storeOnly } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { type HeldReceiver, startHeldReceiver } from '../../support/held-receiver';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
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

const { query, read, attemptsOf, deadLettersOf, untilState } = deliveryReads(() => pipeline.database.pool);
const store = (options?: Parameters<typeof storeOnly>[2]) => storeOnly(pipeline.database.pool, tenantId, options);
const endpoint = (options: Partial<Parameters<typeof insertEndpoint>[3]> = {}) =>
  insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, ...options });

async function publish(from: Pipeline = pipeline, eventType = 'order.created'): Promise<PublicId> {
  const result = await from.publisher.publish({ tenantId, eventType, data: '{}', channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return only(result.deliveries).id;
}

describe('while an attempt is under way', () => {
  let held: HeldReceiver;

  beforeEach(async () => {
    held = await startHeldReceiver();
  });
  afterEach(async () => {
    await held.close();
  });

  async function inFlight(): Promise<PublicId> {
    await endpoint({ url: held.url, delaysMs: [600_000], timeoutMs: 30_000 });
    const deliveryId = await publish();
    await held.waiting();
    return deliveryId;
  }

  test('asking for a retry says so, and sends no second request', async () => {
    const deliveryId = await inFlight();
    expect(await pipeline.commands.retry(tenantId, deliveryId)).toEqual({ outcome: 'in-flight' });
    held.answer(200);
    await pipeline.dispatch.engine.drain();
    expect(await read(deliveryId)).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(held.received).toBe(1);
  });

  test('the workflow’s own update makes nothing due either', async () => {
    const deliveryId = await inFlight();
    await pipeline.coverage.flush();
    const { workflow_id: workflowId } = await read(deliveryId);
    const handle = pipeline.client.workflow.getHandle(workflowId);
    expect(await handle.executeUpdate(RETRY_NOW, { args: [[deliveryId]] })).toEqual({ due: 0 });
    held.answer(200);
    await untilState(deliveryId, 'delivered');
    expect(held.received).toBe(1);
  });

  test.each([200, 500])(
    'a cancelled delivery stays so whatever comes back (%i), and the attempt is kept',
    async (status) => {
      const deliveryId = await inFlight();
      expect(await pipeline.commands.cancel(tenantId, deliveryId)).toMatchObject({ outcome: 'done' });
      expect((await read(deliveryId)).state).toBe('cancelled');
      held.answer(status);
      await pipeline.dispatch.engine.drain();
      expect(await attemptsOf(deliveryId)).toEqual([{ number: 1, outcome: status === 200 ? 'succeeded' : 'failed' }]);
      expect(await read(deliveryId)).toMatchObject({ state: 'cancelled', claim: null, next_attempt_at: null });
      expect(await deadLettersOf(deliveryId)).toEqual([]);
      expect(held.received).toBe(1);
    },
  );
});

describe('no delivery waits much longer than its schedule says', () => {
  const requests = (path: string) => receiver.received.filter((request) => request.path.endsWith(path)).length;
  const untilRequests = (path: string, count: number) =>
    eventually(
      () => (requests(path) >= count ? true : undefined),
      4_000,
      () => `${requests(path)} of ${count} requests`,
    );

  test('when the first attempt fails after its workflow was started', async () => {
    await endpoint({ delaysMs: [100] });
    receiver.script({ status: 500, delayMs: 500 });
    const deliveryId = await publish();
    await untilRequests('/hook', 2);
    await untilState(deliveryId, 'delivered');
  });

  test('when the workflow that it shares was to be started while it was being stored', async () => {
    const lingering = await createPipeline({ WAYBILL_COVER_LINGER: '500ms', WAYBILL_COVER_LINGER_MAX: '500ms' });
    await lingering.startWorker();
    const { pool } = lingering.database;
    tenantId = await insertTenant(pool);
    const make = (eventType: string, delaysMs: number[]) =>
      insertEndpoint(pool, lingering.dispatch.keyring, tenantId, {
        url: `${receiver.url}/${eventType}`,
        patterns: [eventType],
        delaysMs,
      });
    await make('early', [600_000]);
    await make('late', [100]);
    receiver.always({ status: 500 });
    // Enough that most share a workflow, which goes on as long as they wait.
    await Promise.all(Array.from({ length: 60 }, () => publish(lingering, 'early')));
    const blocker = await pool.connect();
    await blocker.query('BEGIN; LOCK TABLE messages IN SHARE MODE');
    const late = publish(lingering, 'late');
    const shared = only(
      (await pool.query("SELECT DISTINCT workflow_id AS id FROM deliveries WHERE workflow_id LIKE '%/batch%'")).rows,
    );
    const handle = lingering.client.workflow.getHandle(shared.id);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await expect(handle.describe()).rejects.toThrow(WorkflowNotFoundError);
    await blocker.query('COMMIT');
    blocker.release();
    const stored = await pool.query('SELECT workflow_id AS id FROM deliveries WHERE id = $1', [toUuid(await late)]);
    expect(stored.rows).toEqual([shared]);
    await untilRequests('/late', 2).finally(async () => {
      await handle.terminate('the test is over');
      await lingering.close();
    });
  });
});

describe('a delivery that cannot be signed', () => {
  async function attemptAll(spoil: string, delaysMs: number[]): Promise<PublicId> {
    const { id: endpointId } = await endpoint({ delaysMs });
    await query(spoil, toUuid(endpointId));
    const delivery = only(await store());
    const cover = { open: [delivery.id], ended: {}, tenantIds: [tenantId], endpointIds: [endpointId], startDelayMs: 0 };
    await startCover(pipeline, { ...cover, workflowId: delivery.workflowId });
    return delivery.id;
  }

  test('because its key is lost is retried by the schedule, with a reason, and becomes a dead letter', async () => {
    const spoil = "UPDATE endpoint_secrets SET secret_encrypted = '\\x00' WHERE endpoint_id = $1";
    const id = await attemptAll(spoil, [10, 10]);
    expect(await untilState(id, 'dead')).toMatchObject({ attempts: 3, last_error: 'endpoint-unreadable' });
    expect(await deadLettersOf(id)).toEqual([{ reason: 'exhausted', state: 'open' }]);
    const details = await query<{ detail: string }>(
      'SELECT error_detail AS detail FROM attempts WHERE delivery_id = $1',
      toUuid(id),
    );
    expect(details).toHaveLength(3);
    for (const { detail } of details) expect(detail).toContain('the key that they were encrypted with');
    expect(receiver.received).toEqual([]);
  });

  test('because no secret is left is retried too', async () => {
    const id = await attemptAll('DELETE FROM endpoint_secrets WHERE endpoint_id = $1', []);
    expect(await untilState(id, 'retrying')).toMatchObject({ attempts: 1, last_error: 'endpoint-unreadable' });
    await query("UPDATE deliveries SET state = 'cancelled' WHERE id = $1", toUuid(id));
    expect(receiver.received).toEqual([]);
  });
});
