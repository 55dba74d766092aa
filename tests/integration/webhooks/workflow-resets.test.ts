import { randomUUID } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import { deliveryReads, only } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';
import { resetWorkflow } from '../../support/reset-workflow';

// What docs/operations.md says of workflows that failed or were terminated.
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
  const { pool } = pipeline.database;
  tenantId = await insertTenant(pool);
  await insertEndpoint(pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, delaysMs: [1_500, 1_500] });
});
afterEach(() => receiver.close());

const { untilState } = deliveryReads(() => pipeline.database.pool);
const handleOf = ({ workflowId }: { workflowId: string }) => pipeline.client.workflow.getHandle(workflowId);

async function publish() {
  const result = await pipeline.publisher.publish({ tenantId, eventType: 'order.created', data: '{}', channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return only(result.deliveries);
}

/** A delivery that was delivered at once, and whose workflow has ended. */
async function delivered() {
  const delivery = await publish();
  await untilState(delivery.id, 'delivered');
  await eventually(() =>
    handleOf(delivery)
      .result()
      .then(
        () => true,
        () => undefined,
      ),
  );
  return delivery;
}

/** A delivery that waits for its second attempt, while nobody attends to it any more. */
async function abandoned() {
  receiver.script({ status: 500 });
  const delivery = await publish();
  await untilState(delivery.id, 'retrying');
  const handle = handleOf(delivery);
  await eventually(async () => {
    const { events } = await handle.fetchHistory().catch(() => ({ events: [] }));
    return (
      events?.some(({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes) || undefined
    );
  });
  await handle.terminate('by mistake');
  return delivery;
}

test('a workflow that is reset attempts what is due, and nothing that was delivered', async () => {
  const [done, left] = [await delivered(), await abandoned()];
  for (const { workflowId } of [done, left]) await resetWorkflow(pipeline.platform, workflowId);
  await untilState(left.id, 'delivered');
  expect(await handleOf(done).result()).toEqual({ delivered: 1 });
  expect(await handleOf(left).result()).toEqual({ delivered: 1 });
  // One of each, and the second attempt of what was left.
  expect(receiver.received).toHaveLength(3);
});

test('so do all that a query finds, reset in one batch', async () => {
  const { namespace } = pipeline.platform;
  const { workflowService } = pipeline.client;
  const done = [await delivered(), await delivered()];
  const left = [await abandoned(), await abandoned()];
  const visibilityQuery = `WorkflowType = "webhookDelivery" AND TenantIds = "${tenantId}"`;
  await eventually(async () => {
    const { count } = await pipeline.client.workflow.count(`${visibilityQuery} AND ExecutionStatus != "Running"`);
    return count === 4 ? true : undefined;
  });
  const jobId = randomUUID();
  await workflowService.startBatchOperation({
    namespace,
    jobId,
    visibilityQuery,
    reason: 'replay them',
    resetOperation: { identity: 'test', options: { firstWorkflowTask: {} } },
  });
  for (const { id } of left) await untilState(id, 'delivered');
  for (const delivery of [...done, ...left]) expect(await handleOf(delivery).result()).toEqual({ delivered: 1 });
  expect(receiver.received).toHaveLength(done.length + 2 * left.length);
  const job = await workflowService.describeBatchOperation({ namespace, jobId });
  expect(job.failureOperationCount?.toNumber()).toBe(0);
});
