import { openHandlers } from '../../domains/inbound';
import {
  INBOUND_WORKFLOWS,
  inboundWorkflowId,
  SWEEP_INBOUND_SCHEDULE,
} from '../../domains/inbound/rules/workflow-names';
import { taskQueue } from '../../infra/temporal/task-queues';
import { createApi, type TestApi } from '../support/api-support';
import { createSource, standardWebhook } from '../support/inbound';
import { keepHistory } from './keep-history';

/** Like `record-histories.ts`, for the workflows about inbound webhooks. */
let api: TestApi;
beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
});
afterAll(() => api.close());

const keep = (name: string, workflowId: string) => keepHistory(api.pipeline.client, name, workflowId);

async function receive(route: object): Promise<string> {
  const source = await createSource(api, { route });
  const { body } = await source.send(standardWebhook(source.secret, '{}'));
  return inboundWorkflowId(source.id, body.id);
}

test('an event that becomes a message', async () => {
  await keep('process-inbound-webhook.published.1', await receive({ to: 'endpoints', eventType: 'partner' }));
});

test('an event that is handled at the second try', async () => {
  let calls = 0;
  api.pipeline.platform.once(openHandlers).register({
    name: 'flaky',
    handle: async () => {
      if (calls++ === 0) throw new Error('not now');
    },
  });
  await keep('process-inbound-webhook.retried.1', await receive({ to: 'handler', handler: 'flaky' }));
});

test('sweepInbound', async () => {
  const workflowId = `${SWEEP_INBOUND_SCHEDULE}/recorded_${api.pipeline.config.WAYBILL_TASK_QUEUE}`;
  await api.pipeline.client.workflow.start(INBOUND_WORKFLOWS.sweepInbound, {
    workflowId,
    taskQueue: taskQueue(api.pipeline.config, 'upkeep'),
  });
  await keep('sweep-inbound.1', workflowId);
});
