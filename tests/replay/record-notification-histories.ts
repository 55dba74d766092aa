import { NOTIFICATION_WORKFLOWS, SWEEP_NOTIFICATIONS_SCHEDULE } from '../../domains/notifications/rules/workflow-names';
import { taskQueue } from '../../infra/temporal/task-queues';
import {
  insertSubscriber,
  type NotificationsSetUp,
  notify,
  openNotifications,
  optOut,
  quietNow,
  sendIn,
} from '../support/notifications';
import { keepHistory } from './keep-history';

/** Like `record-histories.ts`, for the workflows about notifications. */
let setUp: NotificationsSetUp;
beforeAll(async () => {
  setUp = await openNotifications();
});
afterAll(() => setUp.close());

const keep = (name: string, workflowId: string) => keepHistory(setUp.api.pipeline.client, name, workflowId);
const news = { category: 'news', content: { email: { subject: 'Hello', text: 'Dear Ada' } } };

async function somebody(address: string, options = {}) {
  return (await insertSubscriber(setUp.api, { email: address }, options)).id;
}

test('a mail that is sent', async () => {
  const { workflowId } = await notify(setUp.api, { subscriberId: await somebody('ada@example.org'), ...news });
  await keep('send-notification.sent.1', workflowId);
});

test('a mail that is sent at the third try', async () => {
  let tries = 0;
  setUp.mail.refuse.set('bob@example.org', async () => {
    if (++tries === 2) setUp.mail.refuse.delete('bob@example.org');
    return '451 4.7.1 Greylisted';
  });
  const { workflowId } = await notify(setUp.api, { subscriberId: await somebody('bob@example.org'), ...news });
  await keep('send-notification.retried.1', workflowId);
});

test('a mail that waits for quiet hours, is suppressed by an opt-out, and whose workflow is told', async () => {
  const { api } = setUp;
  const subscriberId = await somebody('carl@example.org', { quietHours: quietNow() });
  const { id, workflowId } = await notify(api, { subscriberId, ...news });
  await sendIn(api, id, 'pending');
  await optOut(api, subscriberId, 'news');
  await keep('send-notification.suppressed.1', workflowId);
});

test('sweepNotifications', async () => {
  const { client, config } = setUp.api.pipeline;
  const workflowId = `${SWEEP_NOTIFICATIONS_SCHEDULE}/recorded_${config.WAYBILL_TASK_QUEUE}`;
  await client.workflow.start(NOTIFICATION_WORKFLOWS.sweepNotifications, {
    workflowId,
    taskQueue: taskQueue(config, 'upkeep'),
  });
  await keep('sweep-notifications.1', workflowId);
});
