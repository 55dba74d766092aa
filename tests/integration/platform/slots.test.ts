import { deliveryWorkflowId, WEBHOOK_WORKFLOWS } from '../../../domains/webhooks/rules/workflow-names';
import { startCover } from '../../../domains/webhooks/start';
import { taskQueue } from '../../../infra/temporal/task-queues';
import { ROLES } from '../../../worker/roles';
import { storeOnly } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { startHeldReceiver } from '../../support/held-receiver';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually } from '../../support/receiver';

const SLOTS = ROLES.delivery.maxConcurrentActivityTaskExecutions;
/** More than there are slots, so that some have to wait for one. */
const WAITING = 5;
/** temporal.api.enums.v1.PendingActivityState */
const [SCHEDULED, STARTED] = [1, 2];
/** A sweep alone takes a tenth of it; receivers hang for six times as long. */
const SWEPT_WITHIN_MS = 5_000;
const HANGS_MS = 30_000;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());

test('receivers that hang take every slot for deliveries, and the sweep is not held up', async () => {
  const { client, config, database, dispatch } = pipeline;
  const { pool } = database;
  const tenantId = await insertTenant(pool);
  const receiver = await startHeldReceiver();
  try {
    const url = receiver.url;
    await insertEndpoint(pool, dispatch.keyring, tenantId, { url, delaysMs: [600_000], timeoutMs: HANGS_MS });
    const deliveries = await storeOnly(pool, tenantId, { count: SLOTS + WAITING });
    const covers = deliveries.map(({ id, endpointId }) => ({
      workflowId: deliveryWorkflowId(id),
      open: [id],
      ended: {},
      tenantIds: [tenantId],
      endpointIds: [endpointId],
      startDelayMs: 0,
    }));
    await Promise.all(covers.map((cover) => startCover(pipeline, cover)));
    await eventually(
      async () => {
        const states = await Promise.all(covers.map(({ workflowId }) => activityState(workflowId)));
        const count = (wanted: number | undefined) => states.filter((state) => state === wanted).length;
        return count(STARTED) === SLOTS && count(SCHEDULED) === WAITING ? true : undefined;
      },
      HANGS_MS / 2,
      () => 'the slots are not all taken',
    );
    const began = performance.now();
    await client.workflow.execute(WEBHOOK_WORKFLOWS.sweepOverdue, {
      workflowId: `slots/${config.WAYBILL_TASK_QUEUE}`,
      taskQueue: taskQueue(config, 'upkeep'),
      args: [{ graceMs: 3_600_000 }],
    });
    expect(performance.now() - began).toBeLessThan(SWEPT_WITHIN_MS);
  } finally {
    await pool.query("UPDATE deliveries SET state = 'cancelled', next_attempt_at = NULL, claim = NULL");
    await receiver.close();
  }
}, 60_000);

/** Of the activity that a workflow waits for; `undefined` when it waits for none. */
async function activityState(workflowId: string): Promise<number | undefined> {
  const { raw } = await pipeline.client.workflow.getHandle(workflowId).describe();
  return raw.pendingActivities?.[0]?.state ?? undefined;
}
