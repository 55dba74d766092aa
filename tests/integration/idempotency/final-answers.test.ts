import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { z } from 'zod';
import type { IdempotencyOptions } from '../../../api/http/idempotency/idempotency';
import { Problem } from '../../../api/http/problems';
import { type RouteResult, route, type TenantContext } from '../../../api/http/route';
import { createPool, inTransaction } from '../../../infra/postgres/pool';
import { createApi, type TestApi } from '../../support/api-support';
import { Gate, type ProbeProcess, runOutLocks, startProcess, until } from '../../support/idempotency-support';

let api: TestApi;
const processes: ProbeProcess[] = [];
beforeAll(async () => {
  api = await createApi();
});
afterEach(async () => {
  for (const probe of processes.splice(0)) await probe.close();
});
afterAll(() => api.close());

type Behaviour = (context: TenantContext) => Promise<RouteResult>;

async function start(behave: Behaviour, options: IdempotencyOptions & { pool?: typeof api.deps.pool } = {}) {
  const described = { description: 'As the test says.', body: z.unknown() };
  const probeRoute = route({
    method: 'post',
    path: '/v1/probes',
    operationId: 'probe',
    tag: 'Probes',
    summary: 'Probe',
    scope: 'messages:write',
    body: z.unknown(),
    responses: { 201: described, 202: described },
    handler: (_input, context) => behave(context) as never,
  });
  const probe = await startProcess(api, [probeRoute], options, options.pool ?? api.deps.pool);
  processes.push(probe);
  return probe;
}

/** Until when a request is locked, in milliseconds since the epoch; 0 when it is not. */
async function lockedUntil(key: string): Promise<number> {
  const { rows } = await api.deps.pool.query<{ locked_until: Date | null }>(
    'SELECT locked_until FROM idempotency_records WHERE key = $1',
    [key],
  );
  return rows[0]?.locked_until?.getTime() ?? 0;
}

test.each([
  ['period-open', 422],
  ['attempt-in-flight', 409],
  ['rate-limited', 429],
] as const)('"try again" is not kept: after %s the same key is executed', async (code, status) => {
  const problems = [new Problem(code)];
  const probe = await start(async () => {
    const problem = problems.shift();
    if (problem !== undefined) throw problem;
    return { status: 201, body: 'done' };
  });
  const key = randomUUID();
  expect((await probe.post('/v1/probes', key, {})).status).toBe(status);
  expect((await probe.post('/v1/probes', key, {})).status).toBe(201);
});

test('a request that stalls past its lock leaves no conflict behind its own effect', async () => {
  const gate = new Gate();
  gate.close();
  const made = new Set<string>();
  const probe = await start(async ({ effectId }) => {
    // As a use case without a fence: it looks, is stalled, and only then acts.
    if (made.has(effectId)) return { status: 201, body: effectId };
    await gate.pass();
    if (made.size > 0) throw new Problem('wrong-state', { detail: 'The order is being paid.' });
    made.add(effectId);
    return { status: 201, body: effectId };
  });
  const key = randomUUID();
  const stalled = probe.post('/v1/probes', key, {});
  await until(() => gate.arrivals === 1);
  await runOutLocks(api.deps.pool);
  const next = probe.post('/v1/probes', key, {});
  await until(() => gate.arrivals === 2);
  gate.open();
  expect((await next).status).toBe(409);
  await stalled;
  const last = await probe.post('/v1/probes', key, {});
  expect([last.status, JSON.parse(last.text)]).toEqual([201, [...made][0]]);
});

test('a refusal is repeated as it was, not tried again', async () => {
  let executions = 0;
  const probe = await start(async () => {
    executions++;
    throw new Problem('wrong-state');
  });
  const key = randomUUID();
  const first = await probe.post('/v1/probes', key, {});
  const again = await probe.post('/v1/probes', key, {});
  expect([again.status, again.text, executions]).toEqual([409, first.text, 1]);
});

test('after a kill Retry-After says when the same key can be taken up again', async () => {
  const pool = createPool(api.pipeline.database.url, { max: 2 }, api.deps.log);
  const begun = new Gate();
  const dying = await start(
    async () => {
      // From here on it renews nothing, stores nothing and answers nothing.
      await pool.end();
      await begun.pass();
      return new Promise(() => {});
    },
    { lockMs: 4_000, pool },
  );
  const living = await start(async () => ({ status: 201, body: 'done' }), { lockMs: 4_000 });
  const key = randomUUID();
  dying.post('/v1/probes', key, {}).catch(() => undefined);
  await until(() => begun.arrivals === 1);

  let waitSeconds = 1;
  await until(async () => {
    const answer = await living.post('/v1/probes', key, {});
    expect(answer.status).toBe(409);
    waitSeconds = Number(answer.headers.get('retry-after'));
    return waitSeconds > 1;
  });
  const left = (await lockedUntil(key)) - Date.now();
  expect(waitSeconds * 1_000).toBeGreaterThan(left - 50);
  expect(waitSeconds).toBeLessThanOrEqual(3);
  // Asking when told to is answered, not put off again.
  await until(async () => (await lockedUntil(key)) <= Date.now());
  expect((await living.post('/v1/probes', key, {})).status).toBe(201);
  await dying.close();
});

test('while the process lives it says one second, also after its lock was renewed often', async () => {
  const gate = new Gate();
  gate.close();
  const probe = await start(
    async () => {
      await gate.pass();
      return { status: 201, body: 'done' };
    },
    { lockMs: 5_000 },
  );
  const key = randomUUID();
  const slow = probe.post('/v1/probes', key, {});
  await until(() => gate.arrivals === 1);
  const first = await lockedUntil(key);
  await until(async () => (await lockedUntil(key)) > first + 2_500);
  const answer = await probe.post('/v1/probes', key, {});
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '1']);
  gate.open();
  expect((await slow).status).toBe(201);
});

test('the locks of many slow requests are renewed by one statement, which waits for no transaction', async () => {
  const gate = new Gate();
  gate.close();
  const renewals: number[] = [];
  const pool = new Proxy(api.deps.pool, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const [config] = args as [{ name?: string; values?: [unknown[]] }];
        if (config?.name === 'renew-idempotency-records') renewals.push(config.values?.[0].length ?? 0);
        return Reflect.apply(value, target, args);
      };
    },
  });
  const probe = await start(
    async ({ fence }) => {
      // The first one holds its record for as long as it is at work.
      if (gate.arrivals > 0) await gate.pass();
      else {
        await inTransaction(api.deps.pool, async (db) => {
          await fence(db);
          await gate.pass();
        });
      }
      return { status: 201, body: 'done' };
    },
    { lockMs: 2_000, pool },
  );
  const keys = Array.from({ length: 20 }, () => randomUUID());
  const [fenced = '', ...others] = keys;
  const all = [probe.post('/v1/probes', fenced, {})];
  await until(() => gate.arrivals === 1);
  all.push(...others.map((key) => probe.post('/v1/probes', key, {})));
  await until(() => gate.arrivals === 20);
  const first = await lockedUntil(others[18] ?? '');
  await until(async () => (await lockedUntil(others[18] ?? '')) > first + 1_000);
  expect(Math.max(...renewals)).toBe(20);
  gate.open();
  expect((await Promise.all(all)).map(({ status }) => status)).toEqual(keys.map(() => 201));
});

test.each([
  ['the same key in two headers', (key: string) => [key, key]],
  ['two keys', (key: string) => [key, randomUUID()]],
  ['one key in both forms', (key: string) => [key, `"${key}"`]],
  ['a list in one header', (key: string) => [`${key},${key}`]],
  ['a quoted key with a parameter', (key: string) => [`"${key}";a=1`]],
])('%s is refused, and nothing is executed', async (_what, headers) => {
  let executions = 0;
  const probe = await start(async () => {
    executions++;
    return { status: 201, body: 'done' };
  });
  const status = await new Promise((resolve, reject) => {
    const lines = headers(randomUUID()).flatMap((value) => ['Idempotency-Key', value]);
    const sent = httpRequest(`${probe.url}/v1/probes`, {
      method: 'POST',
      headers: ['Host', 'x', 'Authorization', `Bearer ${api.key}`, 'Content-Type', 'application/json', ...lines],
    } as never);
    sent.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
    sent.end('{}');
  });
  expect([status, executions]).toEqual([400, 0]);
});
