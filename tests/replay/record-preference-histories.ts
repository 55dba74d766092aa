import {
  bulkSuppressionWorkflowId,
  CANCEL_BULK,
  PREFERENCE_WORKFLOWS,
  preferenceChangeWorkflowId,
  SWEEP_PREFERENCES_SCHEDULE,
  subscriberErasureWorkflowId,
  subscriberExportWorkflowId,
} from '../../domains/preferences/rules/workflow-names';
import { taskQueue } from '../../infra/temporal/task-queues';
import { createApi, type TestApi } from '../support/api-support';
import { insertSendInFlight } from '../support/notifications';
import { laydown, registerReader } from '../support/preferences';
import { keepHistory } from './keep-history';

/** Like `record-histories.ts`, for the workflows about preferences. */
let api: TestApi;
beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
  await laydown(api, { news: 'opt_out' });
});
afterAll(() => api.close());

const keep = (name: string, workflowId: string) => keepHistory(api.pipeline.client, name, workflowId);

test('a change that is committed by its workflow', async () => {
  const { id } = await registerReader(api);
  const body = { choices: [{ category: 'news' }], evidence: { form: 'footer' } };
  const answer = await api.call('POST', `/v1/subscribers/${id}/preferences/opt-out`, { body });
  await keep('preference-change.committed.1', preferenceChangeWorkflowId(answer.body.changeId));
});

test('a change that is refused', async () => {
  const { id } = await registerReader(api);
  const idempotencyKey = '6f1d2c3b-8a4e-4f5a-9b6c-7d8e9f0a1b2d';
  const headers = { 'if-match': '"999"' };
  const body = { choices: [{ category: 'news', value: false }] };
  const answer = await api.call('PATCH', `/v1/subscribers/${id}/preferences`, { body, headers, idempotencyKey });
  if (answer.status !== 412) throw new Error(answer.text);
  const found = api.pipeline.client.workflow.list({
    query: `TaskQueue = "${taskQueue(api.pipeline.config, 'notifications')}" AND WaybillState = "refused"`,
  });
  for await (const { workflowId } of found) return keep('preference-change.refused.1', workflowId);
  throw new Error('no refused change is listed');
});

test('a suppression, of which what follows is carried out', async () => {
  const { address } = await registerReader(api);
  const body = { channel: 'email', address, reason: 'complaint' };
  const answer = await api.call('POST', '/v1/suppressions', { body });
  const { rows } = await api.deps.pool.query(
    'SELECT replace(id::text, $2, $3) AS id FROM preference_changes WHERE suppression_id = $1',
    [answer.body.id.slice('sup_'.length), '-', ''],
  );
  await keep('preference-change.followed.1', preferenceChangeWorkflowId(`prc_${rows[0].id}`));
});

/** @returns the id of one with rows in which there is something of everything */
async function startBulk(rows: object[], query: Record<string, string> = {}): Promise<string> {
  const asked = new URLSearchParams({ reason: 'admin_action', note: 'A recording', channel: 'email', ...query });
  const answer = await api.call('POST', `/v1/bulk-suppressions?${asked}`, { body: rows });
  if (answer.status !== 202) throw new Error(answer.text);
  return answer.body.id;
}

test('a bulk suppression that is completed', async () => {
  const { address } = await registerReader(api);
  const id = await startBulk([{ address }, { address }, { address: 'nobody' }, { address, scope: 'nothing' }]);
  await keep('bulk-suppression.completed.1', bulkSuppressionWorkflowId(id));
});

test('a bulk suppression that is cancelled', async () => {
  const rows = Array.from({ length: 1_000 }, (_, index) => ({ address: `cancelled-${index}@example.com` }));
  const id = await startBulk(rows);
  const handle = api.pipeline.client.workflow.getHandle(bulkSuppressionWorkflowId(id));
  await handle.executeUpdate(CANCEL_BULK);
  await keep('bulk-suppression.cancelled.1', bulkSuppressionWorkflowId(id));
});

test('an export', async () => {
  const { id } = await registerReader(api);
  const answer = await api.call('POST', `/v1/subscribers/${id}/exports`, { body: {} });
  await keep('subscriber-export.ready.1', subscriberExportWorkflowId(answer.body.id));
});

test('an erasure, which has a send that is handed over', async () => {
  const { id } = await registerReader(api);
  await insertSendInFlight(api, id, 2_000);
  await api.call('DELETE', `/v1/subscribers/${id}`);
  await keep('subscriber-erasure.waited.1', subscriberErasureWorkflowId(id));
});

test('sweepPreferences', async () => {
  const workflowId = `${SWEEP_PREFERENCES_SCHEDULE}/recorded_${api.pipeline.config.WAYBILL_TASK_QUEUE}`;
  await api.pipeline.client.workflow.start(PREFERENCE_WORKFLOWS.sweepPreferences, {
    workflowId,
    taskQueue: taskQueue(api.pipeline.config, 'upkeep'),
  });
  await keep('sweep-preferences.1', workflowId);
});
