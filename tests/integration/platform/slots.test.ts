import { toUuid } from '../../../core/ids';
import { backlogWorkflowId, deliveryWorkflowId } from '../../../domains/webhooks/rules/workflow-names';
import { startCover } from '../../../domains/webhooks/start';
import { deliveryReads, only, storeOnly } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { startHeldReceiver } from '../../support/held-receiver';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver } from '../../support/receiver';

/** A tenth of what a worker has, so that Temporal starts the workflows that take them all in no time. */
const SLOTS = 20;
/** Receivers hang for the whole test. */
const HANGS_MS = 30_000;
/** Alone it takes a tenth of a second; the rest is for a busy machine. */
const DELIVERED_WITHIN_MS = 15_000;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker({ slots: { delivery: { maxConcurrentActivityTaskExecutions: SLOTS } } });
});
afterAll(() => pipeline.close());

const { query, untilState } = deliveryReads(() => pipeline.database.pool);

test('a receiver that hangs gives all slots back: others are attempted, and its own wait in one workflow', async () => {
  const { pool } = pipeline.database;
  const hanging = await startHeldReceiver();
  const healthy = await startReceiver();
  try {
    const bad = await storeFor(hanging.url, SLOTS + 5);
    await Promise.all(bad.deliveries.map((delivery) => cover(bad.tenantId, delivery)));
    await hanging.waiting();
    const good = await storeFor(healthy.url, 1);
    const delivery = only(good.deliveries);
    const began = performance.now();
    await cover(good.tenantId, delivery);
    await untilState(delivery.id, 'delivered', HANGS_MS);
    expect(performance.now() - began).toBeLessThan(DELIVERED_WITHIN_MS);

    const { endpointId } = only(
      [...new Set(bad.deliveries.map((one) => one.endpointId))].map((id) => ({ endpointId: id })),
    );
    await eventually(async () => {
      const rows = await query<{ workflow_id: string }>(
        'SELECT DISTINCT workflow_id FROM deliveries WHERE endpoint_id = $1 AND claim IS NULL',
        toUuid(endpointId),
      );
      return rows.length === 1 && rows[0]?.workflow_id === backlogWorkflowId(endpointId) ? true : undefined;
    }, HANGS_MS);
    expect(hanging.received).toBeLessThanOrEqual(4);
  } finally {
    await hanging.close();
    await healthy.close();
  }

  /** Deliveries that nobody attempted yet, each with a workflow of its own. */
  async function storeFor(url: string, count: number) {
    const tenantId = await insertTenant(pool);
    await insertEndpoint(pool, pipeline.dispatch.keyring, tenantId, { url, delaysMs: [600_000], timeoutMs: HANGS_MS });
    const deliveries = await storeOnly(pool, tenantId, { count });
    await query(
      `UPDATE deliveries SET workflow_id = 'webhook-delivery/dlv_' || replace(id::text, '-', '') WHERE tenant_id = $1`,
      toUuid(tenantId),
    );
    return { tenantId, deliveries };
  }

  function cover(tenantId: string, { id, endpointId }: { id: string; endpointId: string }) {
    return startCover(pipeline, {
      workflowId: deliveryWorkflowId(id),
      open: [id],
      ended: {},
      tenantIds: [tenantId],
      endpointIds: [endpointId],
      startDelayMs: 0,
    });
  }
});
