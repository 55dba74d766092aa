import { type PublicId, toUuid } from '../../../core/ids';
import { changeEndpoint } from '../../../domains/webhooks/endpoints/change-endpoint';
import { moveEndpoint } from '../../../domains/webhooks/endpoints/move-endpoint';
import { deliveryReads, only, storeOnly } from '../../support/deliveries';
import { type EndpointFixture, insertEndpoint, insertTenant } from '../../support/fixtures';
import { type HeldReceiver, startHeldReceiver } from '../../support/held-receiver';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

// A 410 says that the endpoint is gone as it was when the request was sent, not as it is when the answer comes.
let pipeline: Pipeline;
let held: HeldReceiver;
let corrected: TestReceiver;
let tenantId: PublicId;
let endpoint: EndpointFixture;

beforeAll(async () => {
  pipeline = await createPipeline();
});
afterAll(async () => {
  await pipeline.close();
});
beforeEach(async () => {
  [held, corrected] = await Promise.all([startHeldReceiver(), startReceiver()]);
  const { pool } = pipeline.database;
  tenantId = await insertTenant(pool);
  endpoint = await insertEndpoint(pool, pipeline.dispatch.keyring, tenantId, { url: held.url, delaysMs: [10, 10] });
});
afterEach(async () => {
  await Promise.all([held.close(), corrected.close()]);
});

const { query, read, deadLettersOf } = deliveryReads(() => pipeline.database.pool);
const attemptDue = (id: PublicId) =>
  pipeline.dispatch.engine.attemptDue(
    { id, tenantId, endpointId: endpoint.id }, // Also where there would be no turn for so many at once.
    { wanted: () => true, insist: true },
  );

/** Starts an attempt of each of so many deliveries; all wait for their answer. */
async function inFlight(count: number) {
  const deliveries = await storeOnly(pipeline.database.pool, tenantId, { count });
  const ends = deliveries.map(({ id }) => attemptDue(id));
  await eventually(() => (held.received === count ? true : undefined));
  return deliveries.map(({ id }, index) => ({ id, end: ends[index] }));
}

async function stateOfEndpoint(): Promise<string> {
  const rows = await query<{ state: string }>('SELECT state FROM endpoints WHERE id = $1', toUuid(endpoint.id));
  return only(rows).state;
}

async function publish(): Promise<number> {
  const result = await pipeline.publisher.publish({ tenantId, eventType: 'order.paid', data: '{}', channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return result.deliveries.length;
}

test('of an address that was corrected meanwhile: the delivery is retried at the new one', async () => {
  const { id, end } = only(await inFlight(1));
  await changeEndpoint(pipeline.platform, tenantId, endpoint.id, { url: corrected.url });
  held.answer(410);
  expect(await end).toMatchObject({ state: 'retrying' });
  expect(await stateOfEndpoint()).toBe('enabled');
  expect(await deadLettersOf(id)).toEqual([]);
  expect(await eventually(() => attemptDue(id))).toEqual({ state: 'delivered' });
  expect(corrected.received).toHaveLength(1);
  expect(await publish()).toBe(1);
});

test('of an endpoint that an earlier 410 disabled and its owner enabled again: it stays enabled', async () => {
  const [first, late] = await inFlight(2);
  const { platform } = pipeline;
  await moveEndpoint(platform, tenantId, endpoint.id, { state: 'disabled', reason: 'receiver answered 410 Gone' });
  await moveEndpoint(platform, tenantId, endpoint.id, { state: 'enabled' });
  held.answer(410);
  expect(await Promise.all([first?.end, late?.end])).toMatchObject([{ state: 'retrying' }, { state: 'retrying' }]);
  expect(await stateOfEndpoint()).toBe('enabled');
  expect(await publish()).toBe(1);
});

test('of an endpoint whose schedule is used up: the dead letter says so', async () => {
  await query("UPDATE endpoints SET retry_delays_ms = '{}' WHERE id = $1", toUuid(endpoint.id));
  const { id, end } = only(await inFlight(1));
  await changeEndpoint(pipeline.platform, tenantId, endpoint.id, { url: corrected.url });
  held.answer(410);
  expect(await end).toEqual({ state: 'dead' });
  expect(await deadLettersOf(id)).toEqual([{ reason: 'exhausted', state: 'open' }]);
  expect(await stateOfEndpoint()).toBe('enabled');
});

test('several at the same time, of the same version: each ends its delivery', async () => {
  const attempts = await inFlight(8);
  held.answer(410);
  for (const { id, end } of attempts) {
    expect(await end).toEqual({ state: 'dead' });
    expect(await deadLettersOf(id)).toEqual([{ reason: 'gone', state: 'open' }]);
    expect((await read(id)).attempts).toBe(1);
  }
  expect(await stateOfEndpoint()).toBe('disabled');
});
