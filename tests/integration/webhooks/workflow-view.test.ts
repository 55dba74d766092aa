import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { CANCEL, PROGRESS, RETRY_NOW } from '../../../domains/webhooks/rules/workflow-names';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

const LONG_MS = 600_000;

/** What Web UI asks a workflow for. */
interface Metadata {
  currentDetails: string;
  definition: {
    type: string;
    queryDefinitions: { name: string; description?: string }[];
    updateDefinitions: { name: string; description?: string }[];
  };
}

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;
const handles: WorkflowHandle[] = [];

beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
});
afterAll(async () => {
  for (const handle of handles) await handle.terminate('the test is over').catch(() => undefined);
  await pipeline.close();
});
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterEach(async () => {
  await receiver.close();
});

const endpoint = (options: Partial<Parameters<typeof insertEndpoint>[3]> = {}) =>
  insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, ...options });

async function publish(eventType = 'order.created') {
  const result = await pipeline.publisher.publish({ tenantId, eventType, data: '{}', channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return result.deliveries;
}

/** Publishes, and waits until so many attempts of the only delivery were made. */
async function attempted(count: number): Promise<{ id: PublicId; endpointId: PublicId; handle: WorkflowHandle }> {
  const [delivery] = await publish();
  if (delivery === undefined) throw new Error('no delivery');
  await eventually(async () => ((await read(delivery.id)).attempts >= count ? true : undefined));
  const handle = pipeline.client.workflow.getHandle(delivery.workflowId);
  handles.push(handle);
  return { ...delivery, handle };
}

async function read(deliveryId: PublicId): Promise<{ state: string; attempts: number; next_attempt_at: Date | null }> {
  const { rows } = await pipeline.database.pool.query(
    'SELECT state, attempts, next_attempt_at FROM deliveries WHERE id = $1',
    [toUuid(deliveryId)],
  );
  return rows[0];
}

const metadata = (handle: WorkflowHandle) => handle.query<Metadata>('__temporal_workflow_metadata');

/** The current details, once they say this. */
async function detailsThatSay(handle: WorkflowHandle, text: string | RegExp): Promise<string> {
  let last = '';
  return eventually(
    async () => {
      last = (await metadata(handle)).currentDetails;
      return last.match(text) === null ? undefined : last;
    },
    5_000,
    () => last,
  );
}

/** The ids of the workflows that a filter in Web UI finds, once it finds as many as are expected. */
async function found(filter: string, expected: readonly string[]): Promise<void> {
  let ids: string[] = [];
  await eventually(
    async () => {
      ids = [];
      for await (const workflow of pipeline.client.workflow.list({ query: filter })) ids.push(workflow.workflowId);
      return ids.sort().join() === [...expected].sort().join() ? true : undefined;
    },
    10_000,
    () => `${filter} finds ${ids.join() || 'nothing'}, not ${expected.join() || 'nothing'}`,
  );
}

describe('search attributes', () => {
  test('find a workflow by tenant, by endpoint and by state, and follow its state', async () => {
    await endpoint({ delaysMs: [50, LONG_MS, LONG_MS] });
    receiver.always({ status: 500 });
    const { id, endpointId, handle } = await attempted(2);
    const [other] = [await insertTenant(pipeline.database.pool)];
    const ids = [handle.workflowId];
    await found(`TenantIds = "${tenantId}"`, ids);
    await found(`EndpointIds = "${endpointId}"`, ids);
    await found(`EndpointIds = "${endpointId}" AND WaybillState = "retrying"`, ids);
    await found(`TenantIds = "${tenantId}" AND WaybillState IN ("pending", "delivered", "dead")`, []);
    await found(`TenantIds = "${other}"`, []);
    await found(`EndpointIds = "${newId('ep')}"`, []);

    receiver.always({ status: 200 });
    expect(await pipeline.commands.retry(tenantId, id)).toMatchObject({ outcome: 'done' });
    await found(`TenantIds = "${tenantId}" AND WaybillState = "delivered"`, ids);
    await found(`TenantIds = "${tenantId}" AND WaybillState = "retrying"`, []);
  });

  test('say that a workflow ended with a dead letter', async () => {
    await endpoint({ delaysMs: [50] });
    receiver.always({ status: 500 });
    const { handle } = await attempted(2);
    await found(`TenantIds = "${tenantId}" AND WaybillState = "dead"`, [handle.workflowId]);
  });

  test('say that a workflow ended by being cancelled', async () => {
    await endpoint({ delaysMs: [LONG_MS] });
    receiver.always({ status: 500 });
    const { id, handle } = await attempted(1);
    expect(await pipeline.commands.cancel(tenantId, id)).toMatchObject({ outcome: 'done' });
    await found(`TenantIds = "${tenantId}" AND WaybillState = "cancelled"`, [handle.workflowId]);
  });
});

describe('a workflow that waits for the next attempt', () => {
  test('says what is pending, why, and when the next attempt is', async () => {
    await endpoint({ delaysMs: [50, LONG_MS] });
    receiver.always({ status: 503 });
    const { id, endpointId, handle } = await attempted(2);
    const description = await handle.describe();
    expect(await description.staticSummary()).toBe(`delivery ${id} to ${endpointId}`);
    const details = await detailsThatSay(handle, '1 waiting');
    expect(details).toContain(`| ${endpointId} | http-503 | 1 | 2 |`);
    const said = Date.parse(/Next attempt at (\S+)\.\n/.exec(details)?.[1] ?? '');
    const due = (await read(id)).next_attempt_at?.getTime() ?? Number.NaN;
    expect(Math.abs(said - due)).toBeLessThan(30_000);
  });

  test('answers the query progress with counts and the next due time', async () => {
    await endpoint({ delaysMs: [50, LONG_MS] });
    receiver.always({ status: 500 });
    const { id, handle } = await attempted(2);
    await detailsThatSay(handle, '1 waiting');
    const answer = await handle.query<{ counts: unknown; nextAttemptAt: string }>(PROGRESS);
    expect(answer.counts).toEqual({ open: 1 });
    const due = (await read(id)).next_attempt_at?.getTime() ?? Number.NaN;
    expect(Math.abs(Date.parse(answer.nextAttemptAt) - due)).toBeLessThan(30_000);

    receiver.always({ status: 200 });
    await handle.executeUpdate(RETRY_NOW, { args: [[id]] });
    expect(await handle.result()).toEqual({ delivered: 1 });
    expect(await handle.query(PROGRESS)).toEqual({ counts: { delivered: 1 }, nextAttemptAt: null });
    expect(await detailsThatSay(handle, 'Done')).toBe('**Done**: 1 delivered.');
  });

  test('describes its query and its updates', async () => {
    await endpoint({ delaysMs: [50, LONG_MS] });
    receiver.always({ status: 500 });
    const { handle } = await attempted(2);
    await detailsThatSay(handle, '1 waiting');
    const { definition } = await metadata(handle);
    expect(definition.type).toBe('webhookDelivery');
    const described = [...definition.queryDefinitions, ...definition.updateDefinitions].filter(
      ({ name }) => !name.startsWith('__'),
    );
    expect(described.map(({ name }) => name).sort()).toEqual([CANCEL, PROGRESS, RETRY_NOW].sort());
    for (const { description } of described) expect(description?.length).toBeGreaterThan(20);
  });
});

test('a workflow that many deliveries share counts them as the database does', async () => {
  await endpoint();
  const { id: failing } = await endpoint({ url: `${receiver.url}/fails`, delaysMs: [50, LONG_MS] });
  const { id: dying } = await endpoint({ url: `${receiver.url}/dies`, delaysMs: [50] });
  receiver.always(({ path, body }) => ({
    status: path.endsWith('/hook') || !body.includes('order.refused') ? 200 : 500,
  }));
  // Five messages fail: not so many that they would go to the backlogs of their endpoints.
  const types = Array.from({ length: 30 }, (_, n) => (n < 25 ? 'order.created' : 'order.refused'));
  const published = await Promise.all(types.map((type) => publish(type)));
  const sharing = new Map<string, number>();
  for (const { workflowId } of published.slice(25).flat()) sharing.set(workflowId, (sharing.get(workflowId) ?? 0) + 1);
  const [shared = ''] = [...sharing].sort(([, a], [, b]) => b - a).map(([id]) => id);
  expect(shared).toContain('/batch_');
  const handle = pipeline.client.workflow.getHandle(shared);
  const byState = async () => {
    const { rows } = await pipeline.database.pool.query<{ state: string; count: number }>(
      'SELECT state, count(*)::int AS count FROM deliveries WHERE workflow_id = $1 GROUP BY state',
      [shared],
    );
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  };
  const { retrying = 0, ...ended } = await eventually(async () => {
    const { rows } = await pipeline.database.pool.query(
      "SELECT 1 FROM deliveries WHERE workflow_id = $1 AND (state = 'pending' OR state = 'retrying' AND attempts < 2)",
      [shared],
    );
    // Counted only now: the states no longer change.
    return rows.length === 0 ? byState() : undefined;
  });
  expect(retrying).toBeGreaterThan(1);
  expect(ended).toEqual({ delivered: expect.any(Number), dead: expect.any(Number) });
  handles.push(handle);
  const details = await detailsThatSay(handle, `${retrying} waiting`);
  expect(details).toContain(`${ended.delivered} delivered`);
  expect(details).toContain(`${ended.dead} dead`);
  expect(details).toContain(`| ${failing} | http-500 | ${retrying} | 2 |`);
  expect((await handle.query<{ counts: unknown }>(PROGRESS)).counts).toEqual({ open: retrying, ...ended });
  const total = retrying + (ended.delivered ?? 0) + (ended.dead ?? 0);
  expect(await (await handle.describe()).staticSummary()).toBe(`${total} deliveries to 3 endpoints`);

  // A dead letter that is retried gets a workflow of its own.
  receiver.always({ status: 200 });
  const { rows } = await pipeline.database.pool.query<{ id: string; delivery_id: PublicId }>(
    `SELECT 'dl_' || replace(l.id::text, '-', '') AS id, 'dlv_' || replace(d.id::text, '-', '') AS delivery_id
     FROM dead_letters l JOIN deliveries d ON d.id = l.delivery_id
     WHERE d.workflow_id = $1 AND l.endpoint_id = $2 LIMIT 1`,
    [shared, toUuid(dying)],
  );
  const [letter] = rows;
  await pipeline.commands.retryDeadLetter(tenantId, letter?.id ?? '');
  const own = pipeline.client.workflow.getHandle(`webhook-delivery/${letter?.delivery_id}`);
  expect(await own.result()).toEqual({ delivered: 1 });
  expect((await byState()).dead).toBe((ended.dead ?? 0) - 1);
});

describe('an update', () => {
  const nonsense: [string, unknown[]][] = [
    ['nothing', []],
    ['an empty list', [[]]],
    ['a text', ['dlv_019e0c7b5d0e7cc2a7b1f30d1f2a9c11']],
    ['null', [null]],
    ['numbers', [[1, 2]]],
    ['ids of messages', [[newId('msg')]]],
    ['what only begins like an id', [['dlv_nonsense']]],
    ['one wrong id among right ones', [[newId('dlv'), 'dlv_']]],
    ['too many ids', [Array.from({ length: 501 }, () => newId('dlv'))]],
  ];
  let handle: WorkflowHandle;
  let id: PublicId;

  beforeAll(async () => {
    receiver = await startReceiver();
    tenantId = await insertTenant(pipeline.database.pool);
    await endpoint({ delaysMs: [50, LONG_MS] });
    receiver.always({ status: 500 });
    ({ handle, id } = await attempted(2));
    await receiver.close();
  });

  describe.each([RETRY_NOW, CANCEL])('%s', (name) => {
    test.each(nonsense)('of %s is refused', async (_what, args) => {
      // One that is accepted, and never ends, must fail here too.
      const asked = pipeline.client.connection.withDeadline(Date.now() + 2_000, () =>
        handle.executeUpdate(name, { args: args as [string[]] }),
      );
      await expect(asked).rejects.toThrow(WorkflowUpdateFailedError);
    });

    test('of a delivery that is not there does nothing', async () => {
      const answer = await handle.executeUpdate<Record<string, number>, [string[]]>(name, {
        args: [[newId('dlv')]],
      });
      expect(Object.values(answer)).toEqual([0]);
      expect((await read(id)).state).toBe('retrying');
    });
  });
});
