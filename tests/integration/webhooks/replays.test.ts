import { randomUUID } from 'node:crypto';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { replayStep } from '../../../domains/webhooks/replay/replay-step';
import type { ReplayableState } from '../../../domains/webhooks/rules/replay-filter';
import { replayWorkflowId } from '../../../domains/webhooks/rules/workflow-names';
import { insertReplay, steerReplay } from '../../../domains/webhooks/store/replays';
import { sweep } from '../../../domains/webhooks/upkeep/sweep';
import { createApi, type TestApi } from '../../support/api-support';
import { deliveryReads } from '../../support/deliveries';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';
import { resetWorkflow } from '../../support/reset-workflow';

let api: TestApi;
let receiver: TestReceiver;
let key: string;
let tenantId: string;

beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
});
afterAll(() => api.close());
beforeEach(async () => {
  receiver = await startReceiver();
  ({ key, tenantId } = await api.newTenant());
});
afterEach(() => receiver.close());

const { query } = deliveryReads(() => api.pipeline.database.pool);
const post = (path: string, body: object = {}) => api.call('POST', path, { key, body });
const get = async (path: string) => (await api.call('GET', path, { key })).body;

async function endpoint(eventTypes: string[] = []): Promise<PublicId> {
  // What fails here is not an endpoint that is down.
  const wish = { url: receiver.url, eventTypes, retry: { schedule: [] }, circuit: { enabled: false } };
  return (await post('/v1/endpoints', wish)).body.id;
}

async function publish(eventType: string, count: number): Promise<PublicId[]> {
  const accepted = await Promise.all(
    Array.from({ length: count }, () => post('/v1/messages', { eventType, payload: {} })),
  );
  return accepted.flatMap(({ body }) => body.deliveries.map(({ id }: { id: string }) => id));
}

/** So many deliveries that were given up. */
async function dead(eventType: string, count: number, status = 500): Promise<PublicId[]> {
  receiver.always({ status });
  const ids = await publish(eventType, count);
  await untilStates(ids, 'dead');
  receiver.always({ status: 200 });
  return ids;
}

async function untilStates(ids: readonly PublicId[], state: string): Promise<void> {
  let found: object[] = [];
  await eventually(
    async () => {
      found = await query(
        'SELECT state, count(*)::int FROM deliveries WHERE id = ANY ($1::uuid[]) GROUP BY state',
        ids.map(toUuid),
      );
      return found.length === 1 && (found[0] as { state: string }).state === state ? true : undefined;
    },
    undefined,
    () => JSON.stringify(found),
  );
}

async function ended(id: PublicId, state = 'completed') {
  let last = {};
  return eventually(
    async () => {
      const replay = await get(`/v1/replays/${id}`);
      last = replay;
      return replay.state === state ? replay : undefined;
    },
    undefined,
    () => JSON.stringify(last),
  );
}

/** How often each message was received since the start. */
function received(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { headers } of receiver.received) {
    const id = String(headers['webhook-id']);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

test('what failed is delivered again as the dry run said, with its id and history; what was delivered is left alone', async () => {
  const since = new Date(Date.now() - 1_000).toISOString();
  const endpointId = await endpoint();
  const done = await publish('a.b', 5);
  await untilStates(done, 'delivered');
  const ids = await dead('a.b', 24);
  const before = received();
  const path = `/v1/endpoints/${endpointId}/recover`;
  const dry = await post(path, { since, dryRun: true });
  expect([dry.status, dry.body]).toEqual([200, { count: 24, complete: true }]);

  const idempotencyKey = randomUUID();
  const ask = () => api.call('POST', path, { key, body: { since }, idempotencyKey });
  const asked = await ask();
  expect([asked.status, asked.headers.location]).toEqual([202, `/v1/replays/${asked.body.id}`]);
  expect((await ask()).body.id).toBe(asked.body.id);
  const replay = await ended(asked.body.id);
  expect(replay).toMatchObject({ total: 24, done: 24, moved: 24, skipped: 0, waiting: 0, states: ['dead'] });
  await untilStates(ids, 'delivered');
  expect((await get(`/v1/replays/${asked.body.id}`)).outcomes).toMatchObject({ delivered: 24, dead: 0 });
  const after = received();
  expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
  expect([...after.values()].filter((times) => times === 2)).toHaveLength(24);
  expect([...after.values()].filter((times) => times === 1)).toHaveLength(5);
  const listed: PublicId[] = [];
  for (let query = 'order=asc&limit=10'; ; ) {
    const page = await get(`/v1/deliveries?replayId=${replay.id}&${query}`);
    listed.push(...page.data.map(({ id }: { id: PublicId }) => id));
    if (page.next === null) break;
    query = `cursor=${page.next}&limit=10`;
  }
  expect(listed).toEqual([...ids].sort());
  expect((await get(`/v1/deliveries?replayId=${replay.id}&state=dead`)).data).toEqual([]);
  expect((await get(`/v1/deliveries/${ids[0]}`)).replayId).toBe(replay.id);
  const other = await api.newTenant();
  expect((await api.call('GET', `/v1/deliveries?replayId=${replay.id}`, { key: other.key })).body.data).toEqual([]);
  expect((await api.call('GET', `/v1/deliveries?replayId=${replay.id}&follow=true`, { key })).status).toBe(422);
  const attempts = (await get(`/v1/deliveries/${ids[0]}/attempts`)).data;
  expect(attempts.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['failed', 'succeeded']);
  expect((await get(`/v1/dead-letters?state=retried&limit=100`)).data).toHaveLength(24);
  expect((await get('/v1/replays')).data.map(({ id }: { id: string }) => id)).toEqual([asked.body.id]);
});

test('a replay takes the states and types that it names, and skips what has no content any more', async () => {
  await endpoint();
  const delivered = await publish('a.b', 3);
  await untilStates(delivered, 'delivered');
  const [gone, discarded, plain] = [await dead('a.c', 1), await dead('a.d', 1), await dead('b', 1)];
  await query('UPDATE messages SET body = NULL WHERE tenant_id = $1 AND event_type = $2', toUuid(tenantId), 'a.c');
  const letters = (await get('/v1/dead-letters?eventType=a.d')).data;
  await post(`/v1/dead-letters/${letters[0].id}/discard`, { reason: 'by hand' });
  const count = async (body: object) => (await post('/v1/replays', { ...body, dryRun: true })).body.count;
  expect(await count({})).toBe(1);
  expect(await count({ eventTypes: ['a.*'] })).toBe(0);
  expect(await count({ eventTypes: ['b'] })).toBe(1);
  expect(await count({ states: ['discarded'] })).toBe(1);
  expect(await count({ states: ['delivered'] })).toBe(3);
  expect(await count({ states: ['delivered', 'dead', 'discarded'], eventTypes: ['a.*'] })).toBe(4);
  expect(await count({ since: new Date(Date.now() + 60_000).toISOString() })).toBe(0);
  expect(await count({ until: new Date(Date.now() - 60_000).toISOString() })).toBe(0);

  const { body } = await post('/v1/replays', { states: ['delivered', 'dead', 'discarded'] });
  expect(await ended(body.id)).toMatchObject({ total: 5, moved: 5, skipped: 0 });
  await untilStates([...delivered, ...discarded, ...plain], 'delivered');
  await untilStates(gone, 'dead');
  expect([...received().values()].sort()).toEqual([1, 2, 2, 2, 2, 2]);
});

test('a replay keeps to its rate, and is paused, resumed and cancelled', async () => {
  await endpoint();
  const ids = await dead('a.b', 30);
  const { body } = await post('/v1/replays', { ratePerSecond: 10 });
  const path = `/v1/replays/${body.id}`;
  await eventually(async () => ((await get(path)).moved >= 3 ? true : undefined));
  expect((await post(`${path}/pause`)).body.state).toBe('paused');
  expect((await post(`${path}/pause`)).status).toBe(200);
  const { moved } = await get(path);
  expect(moved).toBeLessThan(30);
  for (let step = 0; step < 3; step++)
    expect(await replayStep(api.deps.pool, body.id)).toMatchObject({ goesOn: false });
  expect((await get(path)).moved).toBe(moved);
  const resumed = Date.now();
  expect((await post(`${path}/resume`)).body.state).toBe('running');
  await eventually(async () => ((await get(path)).moved >= moved + 5 ? true : undefined));
  expect(Date.now() - resumed).toBeGreaterThan(300);
  expect((await post(`${path}/cancel`)).body.state).toBe('cancelled');
  const left = await ended(body.id, 'cancelled');
  expect(left.moved).toBeLessThan(30);
  expect((await post(`${path}/resume`)).status).toBe(409);
  const result = api.pipeline.client.workflow.getHandle(replayWorkflowId(body.id)).result();
  expect(await result).toMatchObject({ state: 'cancelled', moved: left.moved });

  // What it left, or brought back, can be replayed by another.
  const rest = await post('/v1/replays');
  const open = 30 - left.moved + left.returned;
  expect(await ended(rest.body.id)).toMatchObject({ total: open, moved: open });
  await untilStates(ids, 'delivered');
  expect([...received().values()]).toEqual(ids.map(() => 2));
});

/** A replay that goes no further than its steps are called, and so long that nothing it reopens is attempted. */
async function unattended(endpointId: PublicId, states: ReplayableState[]): Promise<PublicId> {
  const id = newId('rpl');
  const filter = { states, eventTypes: [] };
  const wish = {
    action: 'replay',
    source: 'deliveries',
    endpointId,
    filter,
    rateLimit: undefined,
    reason: undefined,
  } as const;
  await insertReplay(api.deps.pool, { ...wish, id, tenantId, actor: newId('key') });
  return id;
}

const stateOf = async (id: PublicId) => (await get(`/v1/deliveries/${id}`)).state;

test('a cancelled replay brings back what nobody has attempted since', async () => {
  const endpointId = await endpoint();
  const delivered = await publish('a.c', 2);
  await untilStates(delivered, 'delivered');
  const [discarded, dead3] = [await dead('a.d', 1), await dead('a.b', 3)];
  const lettersOf = async (state: string): Promise<{ id: string; deliveryId: PublicId }[]> =>
    (await get(`/v1/dead-letters?eventType=a.b&state=${state}`)).data;
  const before = await lettersOf('open');
  const [letter] = (await get('/v1/dead-letters?eventType=a.d')).data;
  await post(`/v1/dead-letters/${letter.id}/discard`, { reason: 'by hand' });
  const id = await unattended(endpointId, ['dead', 'discarded', 'delivered']);
  const path = `/v1/replays/${id}`;
  await eventually(async () => {
    await replayStep(api.deps.pool, id);
    return (await get(path)).moved === 6 ? true : undefined;
  });
  const [retried, underWay, left] = dead3;
  if (retried === undefined || underWay === undefined || left === undefined) throw new Error('there are not three');
  await post(`/v1/deliveries/${retried}/retry`);
  await untilStates([retried], 'delivered');
  await query(
    "UPDATE deliveries SET claim = gen_random_uuid(), next_attempt_at = now() + interval '1 hour' WHERE id = $1",
    toUuid(underWay),
  );
  const sent = receiver.received.length;
  const open = async () => (await get('/v1/dead-letters/stats')).open;
  expect(await open()).toBe(0);
  const { status, body } = await post(`${path}/cancel`);
  expect([status, body]).toMatchObject([200, { state: 'cancelled', moved: 6, returned: 4, waiting: 1, done: 1 }]);
  expect(await open()).toBe(1);
  expect((await post(`${path}/cancel`)).status).toBe(200);
  const ids = [...delivered, ...discarded, left, underWay];
  expect(await Promise.all(ids.map(stateOf))).toEqual(['delivered', 'delivered', 'dead', 'dead', 'retrying']);
  const after = await lettersOf('open');
  expect(after).toEqual(before.filter(({ deliveryId }) => deliveryId === left));
  const listed = (await get(`/v1/deliveries?replayId=${id}`)).data.map((delivery: { id: string }) => delivery.id);
  expect(listed.sort()).toEqual([retried, underWay].sort());
  expect(receiver.received).toHaveLength(sent);

  const again = await post('/v1/replays', { states: ['dead', 'discarded'] });
  expect(await ended(again.body.id)).toMatchObject({ moved: 2, returned: 0 });
  await untilStates([left, ...discarded], 'delivered');
});

test('bringing back goes on, page by page, after its process was killed', async () => {
  const endpointId = await endpoint();
  await post(`/v1/endpoints/${endpointId}/pause`);
  const { pool } = api.deps;
  const id = await unattended(endpointId, ['delivered']);
  const count = 2_300;
  await query("UPDATE replays SET state = 'running', total = $2, moved = $2 WHERE id = $1", toUuid(id), count);
  await query(
    `INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, workflow_id, created_at, updated_at,
                             replay_id, replayed_from)
     SELECT gen_random_uuid(), $2, gen_random_uuid(), $3, 'x', 'held', 'w', now(), now(), $1, 'delivered'
     FROM generate_series(1, $4::int)`,
    toUuid(id),
    toUuid(tenantId),
    toUuid(endpointId),
    count,
  );
  expect((await steerReplay(pool, id, 'cancel'))?.state).toBe('cancelling');
  expect(await replayStep(pool, id)).toMatchObject({ goesOn: true });
  expect(await get(`/v1/replays/${id}`)).toMatchObject({ state: 'cancelling', returned: 1_000, endedAt: null });
  expect((await post(`/v1/replays/${id}/resume`)).status).toBe(409);
  await query("UPDATE replays SET updated_at = now() - interval '1 hour' WHERE id = $1", toUuid(id));
  await sweep(api.pipeline.platform, { beat: () => undefined });
  expect(await ended(id, 'cancelled')).toMatchObject({ returned: count, outcomes: { held: 0 } });
});

test('replays of the same deliveries at once send each once', async () => {
  const endpointId = await endpoint();
  const ids = await dead('a.b', 40);
  const since = new Date(Date.now() - 60_000).toISOString();
  const asked = await Promise.all([
    post('/v1/replays', { states: ['dead', 'delivered'] }),
    post(`/v1/endpoints/${endpointId}/recover`, { since, states: ['dead', 'delivered'] }),
    post('/v1/dead-letters/retry', { filter: {} }),
  ]);
  const replays = [];
  for (const { body } of asked) replays.push(await ended(body.id));
  expect(replays.reduce((sum, { moved }) => sum + moved, 0)).toBe(40);
  for (const { total, done } of replays) expect(done).toBe(total);
  await untilStates(ids, 'delivered');
  expect([...received().values()]).toEqual(ids.map(() => 2));
});

test('a disabled endpoint gets nothing, a paused one when it is enabled again', async () => {
  const endpointId = await endpoint();
  const ids = await dead('a.b', 3);
  const since = new Date(Date.now() - 60_000).toISOString();
  await post(`/v1/endpoints/${endpointId}/disable`);
  const refused = await post(`/v1/endpoints/${endpointId}/recover`, { since });
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('enable it first')]);
  const all = await post('/v1/replays');
  expect(await ended(all.body.id)).toMatchObject({ total: 0, moved: 0 });
  await untilStates(ids, 'dead');

  await post(`/v1/endpoints/${endpointId}/enable`);
  await post(`/v1/endpoints/${endpointId}/pause`);
  const { body } = await post(`/v1/endpoints/${endpointId}/recover`, { since });
  expect(await ended(body.id)).toMatchObject({ total: 3, moved: 3, outcomes: { held: 3 } });
  expect(receiver.received).toHaveLength(3);
  await post(`/v1/endpoints/${endpointId}/enable`);
  await untilStates(ids, 'delivered');
  expect((await post(`/v1/endpoints/ep_${'0'.repeat(32)}/recover`, { since })).status).toBe(404);
});

test('dead letters are retried and discarded by filter, and the audit log says by whom and how many', async () => {
  await endpoint();
  const [first, second] = [await dead('a.b', 4), await dead('a.c', 2)];
  const filter = { eventTypes: ['a.c'], statusClass: '5xx', reason: 'exhausted' };
  const reason = 'sent by hand';
  expect((await post('/v1/dead-letters/discard', { filter })).status).toBe(422);
  expect((await post('/v1/dead-letters/discard', { reason })).status).toBe(422);
  expect((await post('/v1/dead-letters/discard', { filter, reason, dryRun: true })).body.count).toBe(2);
  const open = async () => (await get('/v1/dead-letters/stats')).open;
  expect(await open()).toBe(6);
  const { body } = await post('/v1/dead-letters/discard', { filter, reason });
  expect(await ended(body.id)).toMatchObject({ action: 'discard', reason, total: 2, moved: 2 });
  expect(await open()).toBe(4);
  const discarded = (await get('/v1/dead-letters?state=discarded')).data;
  expect(discarded).toHaveLength(2);
  expect(discarded[0]).toMatchObject({ eventType: 'a.c', resolvedReason: reason, resolvedBy: body.createdBy });
  const retry = { filter: { statusClass: '5xx' } };
  expect((await post('/v1/dead-letters/retry', { ...retry, dryRun: true })).body.count).toBe(4);
  expect(await ended((await post('/v1/dead-letters/retry', retry)).body.id)).toMatchObject({ total: 4, moved: 4 });
  expect(await open()).toBe(0);
  await untilStates(first, 'delivered');
  await untilStates(second, 'dead');
  const log = await query(
    'SELECT action, actor, payload FROM finance_audit_log WHERE tenant_id = $1 ORDER BY seq',
    toUuid(tenantId),
  );
  expect(log).toMatchObject([
    { action: 'dead_letters.discard_requested', actor: body.createdBy, payload: { reason } },
    { action: 'dead_letters.discarded', actor: body.createdBy, payload: { moved: 2, reason } },
    { action: 'deliveries.replay_requested' },
    { action: 'deliveries.replayed', payload: { moved: 4 } },
  ]);
});

test('a replay goes on after its workflow was lost, and resetting it sends nothing again', async () => {
  await endpoint();
  // Those that the sweep leaves to people: it would deliver the others itself.
  const ids = await dead('a.b', 20, 404);
  const { body } = await post('/v1/replays', { ratePerSecond: 8, states: ['dead', 'delivered'] });
  const workflowId = replayWorkflowId(body.id);
  const handle = api.pipeline.client.workflow.getHandle(workflowId);
  await eventually(async () => ((await get(`/v1/replays/${body.id}`)).moved >= 4 ? true : undefined));
  await handle.terminate('lost');
  await query("UPDATE replays SET attended_until = now() - interval '1 second' WHERE id = $1", toUuid(body.id));
  await sweep(api.pipeline.platform, { beat: () => undefined });
  expect(await ended(body.id)).toMatchObject({ total: 20, moved: 20, skipped: 0 });
  await untilStates(ids, 'delivered');
  await resetWorkflow(api.pipeline.platform, workflowId);
  await api.pipeline.client.workflow.getHandle(workflowId).result();
  expect(await get(`/v1/replays/${body.id}`)).toMatchObject({ state: 'completed', moved: 20 });
  expect([...received().values()]).toEqual(ids.map(() => 2));
});
