import { type PublicId, toUuid } from '../../../core/ids';
import { deleteEndpoint } from '../../../domains/webhooks/endpoints/delete-endpoint';
import { moveEndpoint } from '../../../domains/webhooks/endpoints/move-endpoint';
import { findWronglyHeld } from '../../../domains/webhooks/store/held';
import { sweep } from '../../../domains/webhooks/upkeep/sweep';
import { deliveryReads, only } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;
let endpointId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());
beforeEach(async () => {
  receiver = await startReceiver();
  const { pool } = pipeline.database;
  tenantId = await insertTenant(pool);
  endpointId = (await insertEndpoint(pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url })).id;
});
afterEach(() => receiver.close());

const { query, read, deadLettersOf, untilState } = deliveryReads(() => pipeline.database.pool);
const move = (state: 'enabled' | 'paused' | 'disabled') =>
  moveEndpoint(pipeline.platform, tenantId, endpointId, { state });

async function publish(): Promise<PublicId> {
  const result = await pipeline.publisher.publish({ tenantId, eventType: 'order.created', data: '{}', channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return only(result.deliveries).id;
}

/** Publishes while the endpoint is paused. */
async function held(): Promise<PublicId> {
  await move('paused');
  const id = await publish();
  expect((await read(id)).state).toBe('held');
  return id;
}

test('what is held stays so when the endpoint is disabled, with what waits in its backlog, until it is enabled', async () => {
  const waiting = await publish();
  await untilState(waiting, 'delivered');
  await query(
    "UPDATE deliveries SET state = 'retrying', backlog = true, next_attempt_at = now() + interval '1 hour' WHERE id = $1",
    toUuid(waiting),
  );
  const id = await held();
  await move('disabled');
  for (const stays of [id, waiting]) expect((await read(stays)).state).toBe('held');
  expect(await deadLettersOf(id)).toEqual([]);
  await move('enabled');
  for (const goes of [id, waiting]) await untilState(goes, 'delivered');
});

test('what waits in the backlog is cancelled with what is held when the endpoint is deleted', async () => {
  const waiting = await publish();
  await untilState(waiting, 'delivered');
  await query(
    "UPDATE deliveries SET state = 'retrying', backlog = true, next_attempt_at = now() + interval '1 hour' WHERE id = $1",
    toUuid(waiting),
  );
  const id = await held();
  await deleteEndpoint(pipeline.platform, tenantId, endpointId);
  for (const ended of [id, waiting]) expect((await read(ended)).state).toBe('cancelled');
});

test('what is held is cancelled when the endpoint is deleted', async () => {
  const id = await held();
  await deleteEndpoint(pipeline.platform, tenantId, endpointId);
  expect((await read(id)).state).toBe('cancelled');
  expect(await deadLettersOf(id)).toEqual([]);
});

test('what is held goes on when the endpoint is enabled, without waiting for a sweep', async () => {
  const id = await held();
  await move('enabled');
  await untilState(id, 'delivered');
  expect(receiver.received).toHaveLength(1);
});

test('a delivery that a racing publish left held is found by the sweep, whatever its endpoint has become', async () => {
  const ids = [await publish(), await publish()];
  for (const id of ids) await untilState(id, 'delivered');
  // As a publish leaves it that had seen the endpoint paused and commits after the endpoint was enabled.
  const leaveHeld = (id: PublicId | undefined) =>
    query("UPDATE deliveries SET state = 'held', attempts = 0 WHERE id = $1", toUuid(id ?? ''));
  const sweepNow = () => sweep(pipeline.platform, { beat: () => undefined });
  await leaveHeld(ids[0]);
  expect((await sweepNow()).held).toBe(1);
  await untilState(ids[0] ?? '', 'delivered');

  await deleteEndpoint(pipeline.platform, tenantId, endpointId);
  await leaveHeld(ids[1]);
  await sweepNow();
  expect((await read(ids[1] ?? '')).state).toBe('cancelled');
  expect(await findWronglyHeld(pipeline.database.pool, 10)).toEqual([]);
});

test('a paused endpoint keeps what is held, and the sweep leaves it alone', async () => {
  const id = await held();
  expect(await sweep(pipeline.platform, { beat: () => undefined })).toMatchObject({ held: 0 });
  expect((await read(id)).state).toBe('held');
});
