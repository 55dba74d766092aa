import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { PublicId } from '../../../core/ids';
import { deliveryReads, only } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';
import { temporalCommand } from '../../support/temporal-cli';

// The commands that docs/operations.md has for workflows that failed or were terminated.
const [RESET_ONE = '', RESET_ALL = ''] =
  readFileSync(path.join(__dirname, '../../../docs/operations.md'), 'utf8').match(
    /temporal workflow reset (?:.*\\\n)*.*/g,
  ) ?? [];

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
  const options = { url: receiver.url, delaysMs: [1_500, 1_500] };
  endpointId = (await insertEndpoint(pool, pipeline.dispatch.keyring, tenantId, options)).id;
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
  for (const { id } of [done, left]) await temporalCommand(RESET_ONE.replace('dlv_…', id));
  await untilState(left.id, 'delivered');
  expect(await handleOf(done).result()).toEqual({ delivered: 1 });
  expect(await handleOf(left).result()).toEqual({ delivered: 1 });
  // One of each, and the second attempt of what was left.
  expect(receiver.received).toHaveLength(3);
});

test('so do all that a query finds, reset in one batch', async () => {
  const done = [await delivered(), await delivered()];
  const left = [await abandoned(), await abandoned()];
  const visibilityQuery = `WorkflowType = "webhookDelivery" AND EndpointIds = "${endpointId}"`;
  await eventually(async () => {
    const { count } = await pipeline.client.workflow.count(`${visibilityQuery} AND ExecutionStatus = "Terminated"`);
    return count === 2 ? true : undefined;
  });
  const started = await temporalCommand(RESET_ALL.replace('ep_…', endpointId));
  for (const { id } of left) await untilState(id, 'delivered');
  for (const delivery of left) {
    // Until the batch has come to it, it is the one that was terminated.
    const result = () => handleOf(delivery).result();
    expect(await eventually(() => result().catch(() => undefined))).toEqual({ delivered: 1 });
  }
  for (const delivery of done) expect(await handleOf(delivery).result()).toEqual({ delivered: 1 });
  expect(receiver.received).toHaveLength(done.length + 2 * left.length);
  const [jobId = started] = /[0-9a-f-]{36}/.exec(started) ?? [];
  const { namespace } = pipeline.platform;
  const job = await pipeline.client.workflowService.describeBatchOperation({ namespace, jobId });
  expect([job.totalOperationCount?.toNumber(), job.failureOperationCount?.toNumber()]).toEqual([left.length, 0]);
});
