import { type PublicId, toUuid } from '../../../core/ids';
import { changeEndpoint } from '../../../domains/webhooks/endpoints/change-endpoint';
import { openPublishing } from '../../../domains/webhooks/publishing/open-publishing';
import { backlogWorkflowId } from '../../../domains/webhooks/rules/workflow-names';
import { deliveryReads } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterEach(() => receiver.close());

const { query } = deliveryReads(() => pipeline.database.pool);

/** An endpoint with a limit, and with periods shorter than the API allows. */
async function limited(limit: number, periodMs: number, options: { delaysMs?: number[] } = {}): Promise<PublicId> {
  const { pool, keyring } = pipeline.dispatch;
  const { id } = await insertEndpoint(pool, keyring, tenantId, { url: receiver.url, ...options });
  await query('UPDATE endpoints SET rate_limit = $2, rate_period_ms = $3 WHERE id = $1', toUuid(id), limit, periodMs);
  return id;
}

async function publish(n: number, publisher = pipeline.publisher): Promise<void> {
  const data = JSON.stringify({ n });
  const result = await publisher.publish({ tenantId, eventType: 'order.created', data, channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
}

const all = (count: number, work: (n: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

/** The most requests that came within any period. */
function mostWithin(requests: readonly ReceivedRequest[], periodMs: number): number {
  const times = requests.map(({ at }) => at).sort((a, b) => a - b);
  // Times are whole milliseconds, rounded down.
  return Math.max(...times.map((from, i) => times.slice(i).filter((at) => at < from + periodMs - 1).length));
}

const numbers = () => receiver.received.map(({ body }) => JSON.parse(body).data.n as number);

test('in no period more reach the receiver than the limit, from however many processes; all come, oldest first', async () => {
  await limited(20, 500);
  const others = [0, 1, 2].map(() => pipeline.openPlatform().once(openPublishing).publisher);
  const publishers = [pipeline.publisher, ...others];
  await all(120, (n) => publish(n, publishers[n % 4]));
  await receiver.waitFor(120);
  expect(mostWithin(receiver.received, 500)).toBeLessThanOrEqual(20);
  expect(new Set(numbers()).size).toBe(120);
  // Those of one batch are sent side by side.
  for (const [place, n] of numbers().entries()) expect(Math.abs(n - place)).toBeLessThan(60);
  const attempts = await query('SELECT FROM attempts');
  expect(attempts).toHaveLength(120);
});

test('what waits for long costs nothing meanwhile, and goes on at once with another limit or none', async () => {
  const id = await limited(2, 3_600_000);
  await all(30, publish);
  await receiver.waitFor(2);
  const workflow = pipeline.client.workflow.getHandle(backlogWorkflowId(id));
  const asleep = await eventually(async () => {
    const { backlog_until: until } = (await endpointRow(id)) ?? {};
    if (until === undefined || until === null || until.getTime() < Date.now() + 3_000_000) return undefined;
    return (await workflow.describe()).historyLength;
  });
  await all(20, (n) => publish(30 + n));
  expect(receiver.received).toHaveLength(2);
  // Told of more, it sleeps on: no round.
  expect((await workflow.describe()).historyLength).toBeLessThan(asleep + 5);

  await changeEndpoint(pipeline.platform, tenantId, id, { rateLimit: { limit: 5, period: 3_600_000 } });
  await receiver.waitFor(5);
  await changeEndpoint(pipeline.platform, tenantId, id, { rateLimit: null });
  await receiver.waitFor(50);
  expect(new Set(numbers()).size).toBe(50);
});

async function endpointRow(id: PublicId) {
  const rows = await query<{ backlog_until: Date | null }>(
    'SELECT backlog_until FROM endpoints WHERE id = $1',
    toUuid(id),
  );
  return rows[0];
}
