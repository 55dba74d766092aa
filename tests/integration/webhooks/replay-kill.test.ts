import { once } from 'node:events';
import { type PublicId, toUuid } from '../../../core/ids';
import { backlogWorkflowId, replayWorkflowId } from '../../../domains/webhooks/rules/workflow-names';
import { createApi, type TestApi } from '../../support/api-support';
import { deliveryReads } from '../../support/deliveries';
import { reportDeath, startKillableWorker } from '../../support/killable-worker';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

const COUNT = 60;

let api: TestApi;
let receiver: TestReceiver;
beforeAll(async () => {
  api = await createApi();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await api.close();
});

const { query } = deliveryReads(() => api.pipeline.database.pool);
const get = async (path: string) => (await api.call('GET', path)).body;
const countOf = async (state: string) =>
  (await query<{ count: number }>('SELECT count(*)::int FROM deliveries WHERE state = $1', state))[0]?.count;

test('a replay whose worker is killed is finished by another, which sends nothing that was recorded as delivered', async () => {
  receiver.always({ status: 500 });
  const wish = { url: receiver.url, retry: { schedule: [] }, timeout: '1s', circuit: { enabled: false } };
  const { body: endpoint } = await api.call('POST', '/v1/endpoints', { body: wish });
  // Takes what the API has no room for.
  const first = await api.pipeline.startWorker();
  const publish = () => api.call('POST', '/v1/messages', { body: { eventType: 'a.b', payload: {} } });
  await Promise.all(Array.from({ length: COUNT }, publish));
  await eventually(async () => ((await countOf('dead')) === COUNT ? true : undefined));
  await first.stop();
  receiver.always({ status: 200 });

  const victim = await startKillableWorker(api.pipeline, ['backlog']);
  const { body } = await api.call('POST', '/v1/replays', { body: { ratePerSecond: 20 } });
  await eventually(async () => (((await countOf('delivered')) ?? 0) >= 10 ? true : undefined));
  victim.kill('SIGKILL');
  await once(victim, 'exit');
  await reportDeath(api.pipeline.platform, [replayWorkflowId(body.id), backlogWorkflowId(endpoint.id)]);
  const delivered = await query<{ message_id: string }>("SELECT message_id FROM deliveries WHERE state = 'delivered'");
  const before = receiver.received.length;
  expect(delivered.length).toBeLessThan(COUNT);

  await api.pipeline.startWorker();
  const path = `/v1/replays/${body.id}`;
  const replay = await eventually(async () => {
    const found = await get(path);
    return found.state === 'completed' && found.outcomes.delivered === COUNT ? found : undefined;
  });
  expect(replay).toMatchObject({ total: COUNT, done: COUNT, moved: COUNT, skipped: 0 });
  const sentAfter = new Set(
    receiver.received.slice(before).map(({ headers }) => toUuid(String(headers['webhook-id']))),
  );
  const again = delivered
    .map(({ message_id }) => message_id.replaceAll('-', ''))
    .filter((id: PublicId) => sentAfter.has(id));
  expect(again).toEqual([]);
  const succeeded = await query("SELECT FROM attempts WHERE outcome = 'succeeded'");
  expect(succeeded).toHaveLength(COUNT);
});
