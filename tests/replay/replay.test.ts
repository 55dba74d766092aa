import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from '@temporalio/worker';
import { INBOUND_WORKFLOWS } from '../../domains/inbound/rules/workflow-names';
import { NOTIFICATION_WORKFLOWS } from '../../domains/notifications/rules/workflow-names';
import { PAYMENT_WORKFLOWS } from '../../domains/payments/rules/workflow-names';
import { PREFERENCE_WORKFLOWS } from '../../domains/preferences/rules/workflow-names';
import { SETTLEMENT_WORKFLOWS } from '../../domains/settlement/rules/workflow-names';
import { WEBHOOK_WORKFLOWS } from '../../domains/webhooks/rules/workflow-names';
import { TEST_BUNDLE } from '../support/bundle';

const FOLDER = path.join(__dirname, 'histories');
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));

function read(file: string) {
  return JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8'));
}

// What was recorded stands for the workflows in flight: a version that cannot replay it would break them.
test.each(files)('%s replays', async (file) => {
  await Worker.runReplayHistory({ workflowBundle: { codePath: TEST_BUNDLE } }, read(file));
});

test('every workflow has a recorded history', () => {
  const recorded = new Set(
    files.map((file) => read(file).events[0].workflowExecutionStartedEventAttributes.workflowType.name),
  );
  expect([...recorded].sort()).toEqual(
    Object.values({
      ...WEBHOOK_WORKFLOWS,
      ...PAYMENT_WORKFLOWS,
      ...SETTLEMENT_WORKFLOWS,
      ...INBOUND_WORKFLOWS,
      ...PREFERENCE_WORKFLOWS,
      ...NOTIFICATION_WORKFLOWS,
    }).sort(),
  );
});

test('a history that the code would not have made is refused', async () => {
  const history = read('webhook-delivery.retried.1.json');
  for (const event of history.events) {
    const type = event.activityTaskScheduledEventAttributes?.activityType;
    if (type !== undefined) type.name = 'anotherActivity';
  }
  await expect(Worker.runReplayHistory({ workflowBundle: { codePath: TEST_BUNDLE } }, history)).rejects.toThrow(
    /[Nn]ondeterminism|DeterminismViolation/,
  );
});
