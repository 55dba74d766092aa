import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Problem } from '../../../api/http/problems';
import { type PublicId, toUuid } from '../../../core/ids';
import { createPool, inTransaction } from '../../../infra/postgres/pool';
import type { TestApi } from '../../support/api-support';
import { type Answered, Gate, gatedPool, runOutLocks, until } from '../../support/idempotency-support';
import { type Behaviour, createProbes, type Probes, replayed } from '../../support/probes';
import { PATIENCE_MS } from '../../support/receiver';

let probes: Probes;
let api: TestApi;

beforeAll(async () => {
  probes = await createProbes();
  api = probes.api;
});
afterEach(() => probes.closeProcesses());
afterAll(() => api.close());

const start: Probes['start'] = (...how) => probes.start(...how);
const haveEffect: Probes['haveEffect'] = (...what) => probes.haveEffect(...what);
const effects: Probes['effects'] = (id) => probes.effects(id);

async function record(key: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await api.deps.pool.query('SELECT * FROM idempotency_records WHERE key = $1', [key]);
  return rows[0];
}

test('a process that dies is taken over when its lock runs out, not before', async () => {
  const pool = createPool(api.pipeline.database.url, { max: 2 }, api.deps.log);
  const dying = await start(
    async (context, _body, id) => {
      await haveEffect(context, id);
      // From here on it renews nothing, stores nothing and answers nothing.
      await pool.end();
      return new Promise(() => {});
    },
    { lockMs: 2_500 },
    pool,
  );
  const seen: PublicId[] = [];
  const living = await start(async (context, _body, id) => {
    seen.push(context.effectId);
    await haveEffect(context, id);
    return { status: 201, body: 'done' };
  });
  const key = randomUUID();
  const lost = dying.post('/v1/probes/dies', key, {}).catch(() => undefined);
  await until(async () => (await effects('dies')).length === 1);
  const begun = Date.now();
  let conflicts = 0;
  let answer = await living.post('/v1/probes/dies', key, {});
  while (answer.status === 409 && Date.now() < begun + PATIENCE_MS) {
    conflicts++;
    await sleep(50);
    answer = await living.post('/v1/probes/dies', key, {});
  }
  expect([answer.status, replayed(answer)]).toEqual([201, null]);
  expect(conflicts).toBeGreaterThan(0);
  expect(seen).toHaveLength(1);
  expect(await effects('dies')).toEqual([{ tries: 2 }]);
  await dying.close();
  expect(await lost).toBeUndefined();
});

test('a slow handler keeps its lock for as long as its process lives', async () => {
  const gate = new Gate();
  gate.close();
  const probe = await start(
    async () => {
      await gate.pass();
      return { status: 204 };
    },
    { lockMs: 2_000 },
  );
  const key = randomUUID();
  const slow = probe.post('/v1/probes/slow', key, {});
  await until(() => gate.arrivals === 1);
  const lockedUntil = async () => (await record(key))?.locked_until as Date;
  const first = await lockedUntil();
  await until(async () => (await lockedUntil()).getTime() > first.getTime() + 800);
  expect((await probe.post('/v1/probes/slow', key, {})).status).toBe(409);
  gate.open();
  expect((await slow).status).toBe(204);
  expect(gate.arrivals).toBe(1);
});

test('of many that find the lock run out in the same instant one takes over', async () => {
  const [working, takingOver] = [new Gate(), new Gate()];
  working.close();
  takingOver.close();
  const pool = gatedPool(api.deps.pool, 'take-idempotency-record-over', takingOver);
  const behave: Behaviour = async () => {
    await working.pass();
    return { status: 204 };
  };
  const probe = await start(behave, {}, pool);
  const key = randomUUID();
  const post = () => probe.post('/v1/probes/many', key, {});
  const slow = post();
  await until(() => working.arrivals === 1);
  await runOutLocks(api.deps.pool);
  let refused = 0;
  const others = Array.from({ length: 20 }, async () => {
    const answer = await post();
    if (answer.status === 409) refused++;
    return answer;
  });
  await until(() => takingOver.arrivals === 20);
  takingOver.open();
  await until(() => refused === 19 && working.arrivals === 2);
  working.open();
  expect((await Promise.all(others)).filter(({ status }) => status === 204)).toHaveLength(1);
  expect(working.arrivals).toBe(2);
  await slow;
});

test('a take-over waits for the transaction of an owner that is still at it, and finds what it made', async () => {
  const gate = new Gate();
  gate.close();
  const behave: Behaviour = async (context, _body, id) => {
    // The first owner is slow: its lock has run out when it begins, but nobody has taken over.
    if (gate.arrivals === 0) await runOutLocks(api.deps.pool);
    await inTransaction(api.deps.pool, async (client) => {
      await context.fence(client);
      await gate.pass();
      await client.query(
        `INSERT INTO effects VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE SET tries = effects.tries + 1`,
        [toUuid(context.effectId), id],
      );
    });
    return { status: 201, body: await effects(id) };
  };
  // The owner is not faster with its answer than the other with taking over.
  const ending = new Gate();
  ending.close();
  const probe = await start(behave, {}, gatedPool(api.deps.pool, 'complete-idempotency-record', ending));
  const key = randomUUID();
  const slow = probe.post('/v1/probes/fenced', key, {});
  await until(() => gate.arrivals === 1);
  const next = probe.post('/v1/probes/fenced', key, {});
  await until(async () => {
    const { rows } = await api.deps.pool.query(
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE idempotency_records%'
         AND datname = current_database()`,
    );
    return rows.length === 1;
  });
  expect(gate.arrivals).toBe(1);
  gate.open();
  await until(() => gate.arrivals === 2);
  ending.open();
  const answer = await next;
  expect([answer.status, answer.text]).toEqual([201, '[{"tries":2}]']);
  expect([409, 201]).toContain((await slow).status);
  expect(replayed(await probe.post('/v1/probes/fenced', key, {}))).toBe('true');
});

describe('whatever happens to executions', () => {
  type Mishap =
    | 'fails before'
    | 'fails after'
    | 'loses its lock before'
    | 'loses its lock after'
    | 'is refused for now';

  const mishap = fc.constantFrom<Mishap>(
    'fails before',
    'fails after',
    'loses its lock before',
    'loses its lock after',
    'is refused for now',
  );

  test('a client that repeats until it has an answer gets one effect, and one answer alike for everybody', async () => {
    let mishaps: Mishap[] = [];
    const behave: Behaviour = async (context, _body, id) => {
      const now = mishaps.shift();
      if (now === 'fails before') throw new Error('bug');
      if (now === 'is refused for now') throw new Problem('wrong-state', { headers: { 'retry-after': '1' } });
      if (now === 'loses its lock before') await runOutLocks(api.deps.pool);
      await haveEffect(context, id);
      if (now === 'fails after') throw new Error('bug');
      if (now === 'loses its lock after') await runOutLocks(api.deps.pool);
      return { status: 201, body: { effect: context.effectId, said: randomUUID() } };
    };
    const probes = [await start(behave), await start(behave), await start(behave)];
    await fc.assert(
      fc.asyncProperty(fc.array(mishap, { maxLength: 6 }), fc.integer({ min: 1, max: 6 }), async (plan, clients) => {
        mishaps = [...plan];
        const key = randomUUID();
        const path = `/v1/probes/${key}`;
        const client = async (n: number): Promise<Answered> => {
          for (let turn = n; ; turn++) {
            const answer = await probes[turn % probes.length]?.post(path, key, { amount: '1' });
            if (answer?.status === 201) return answer;
            expect([409, 500]).toContain(answer?.status);
            if (turn > 500) throw new Error('never answered');
          }
        };
        const answers = await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
        expect(await effects(key)).toHaveLength(1);
        expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
        const later = await probes[0]?.post(path, key, { amount: '1' });
        expect([later?.status, later?.text, later?.headers.get('idempotent-replayed')]).toEqual([
          201,
          answers[0]?.text,
          'true',
        ]);
      }),
      { numRuns: 25 },
    );
  });
});
