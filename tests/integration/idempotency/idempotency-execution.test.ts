import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { z } from 'zod';
import type { IdempotencyOptions } from '../../../api/http/idempotency/idempotency';
import { Problem } from '../../../api/http/problems';
import { type Route, type RouteResult, route, type TenantContext } from '../../../api/http/route';
import { type PublicId, toUuid } from '../../../core/ids';
import { createPool, inTransaction } from '../../../infra/postgres/pool';
import { createApi, type TestApi } from '../../support/api-support';
import {
  type Answered,
  Gate,
  gatedPool,
  type ProbeProcess,
  runOutLocks,
  startProcess,
  until,
} from '../../support/idempotency-support';

let api: TestApi;
const processes: ProbeProcess[] = [];

beforeAll(async () => {
  api = await createApi();
  await api.deps.pool.query(
    'CREATE TABLE effects (id uuid PRIMARY KEY, route_id text NOT NULL, tries integer NOT NULL)',
  );
});
afterEach(async () => {
  for (const probe of processes.splice(0)) await probe.close();
});
afterAll(() => api.close());

type Behaviour = (context: TenantContext, body: unknown, id: string) => Promise<RouteResult>;

/** A route whose handler does what the test says. */
function probeRoutes(behave: Behaviour): Route[] {
  const described = { description: 'As the test says.' };
  return [
    route({
      method: 'post',
      path: '/v1/probes/{id}',
      operationId: 'probe',
      tag: 'Probes',
      summary: 'Probe',
      scope: 'messages:write',
      params: z.object({ id: z.string() }),
      query: z.strictObject({ q: z.string().optional() }),
      body: z.unknown(),
      mediaTypes: ['application/json', 'text/csv'],
      responses: {
        200: { ...described, body: z.string(), contentType: 'text/csv' },
        201: { ...described, body: z.unknown() },
        202: { ...described, body: z.unknown() },
        204: described,
        303: described,
      },
      handler: ({ body, params }, context) => behave(context, body, params.id) as never,
    }),
  ];
}

async function start(behave: Behaviour, options: IdempotencyOptions = {}, pool = api.deps.pool): Promise<ProbeProcess> {
  const probe = await startProcess(api, probeRoutes(behave), options, pool);
  processes.push(probe);
  return probe;
}

/** Applies the effect once, however often it is tried. */
async function haveEffect({ effectId, fence }: TenantContext, id: string): Promise<void> {
  await inTransaction(api.deps.pool, async (client) => {
    await fence(client);
    await client.query(
      `INSERT INTO effects VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE SET tries = effects.tries + 1`,
      [toUuid(effectId), id],
    );
  });
}

async function effects(id: string): Promise<{ tries: number }[]> {
  return (await api.deps.pool.query<{ tries: number }>('SELECT tries FROM effects WHERE route_id = $1', [id])).rows;
}

async function record(key: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await api.deps.pool.query('SELECT * FROM idempotency_records WHERE key = $1', [key]);
  return rows[0];
}

const replayed = (answer: Answered) => answer.headers.get('idempotent-replayed');

test('a hundred requests at once over two processes are executed once', async () => {
  let executions = 0;
  const behave: Behaviour = async (context, _body, id) => {
    executions++;
    await haveEffect(context, id);
    return { status: 201, body: { executions } };
  };
  const [one, two] = [await start(behave), await start(behave)];
  for (let round = 0; round < 30; round++) {
    executions = 0;
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? one : two).post(`/v1/probes/r${round}`, key, { n: 1 })),
    );
    expect(executions).toBe(1);
    expect(await effects(`r${round}`)).toEqual([{ tries: 1 }]);
    for (const { status, text, headers } of answers) {
      if (status === 201) expect(text).toBe('{"executions":1}');
      // One second, or what is left of the lock where the machine is too busy to renew it in time.
      else expect([status, headers.get('retry-after')]).toEqual([409, expect.stringMatching(/^([1-9]|10)$/)]);
    }
    expect(answers.filter((answer) => answer.status === 201 && replayed(answer) === null)).toHaveLength(1);
  }
});

test('requests while one is executed are told to come back, without waiting for it', async () => {
  const gate = new Gate();
  gate.close();
  const probe = await start(async (context, _body, id) => {
    await inTransaction(api.deps.pool, async (client) => {
      await context.fence(client);
      await gate.pass();
      await client.query('INSERT INTO effects VALUES ($1, $2, 1)', [toUuid(context.effectId), id]);
    });
    return { status: 204 };
  });
  const key = randomUUID();
  const first = probe.post('/v1/probes/busy', key, {});
  await until(() => gate.arrivals === 1);
  // More requests than connections: the handler's transaction keeps the record locked meanwhile.
  const others = await Promise.all(Array.from({ length: 40 }, () => probe.post('/v1/probes/busy', key, {})));
  expect(new Set(others.map(({ status }) => status))).toEqual(new Set([409]));
  expect(JSON.parse(others[0]?.text ?? '')).toMatchObject({
    type: '/docs/problems#idempotency-key-in-use',
    status: 409,
  });
  expect((await probe.post('/v1/probes/busy', key, { other: true })).status).toBe(422);
  gate.open();
  expect((await first).status).toBe(204);
});

test.each<[string, RouteResult]>([
  [
    'JSON',
    { status: 201, body: { a: [1, 'ä€😀', null] }, headers: { location: '/v1/probes/1', etag: '"7"', 'x-other': 'x' } },
  ],
  ['JSON that is a string', { status: 201, body: 'text' }],
  ['JSON null', { status: 202, body: null }],
  ['no body', { status: 204 }],
  ['no body, another place', { status: 303, headers: { Location: '/elsewhere' } }],
  ['an empty text', { status: 200, body: '' }],
  ['a text of another kind', { status: 200, body: 'id;amount\r\n1;"2"\r\n' }],
  ['a large body', { status: 201, body: 'x'.repeat(3_000_000) }],
])('%s is repeated as it was', async (_name, result) => {
  let executions = 0;
  const probe = await start(async () => {
    executions++;
    return result;
  });
  const key = randomUUID();
  const first = await probe.post('/v1/probes/1', key, {});
  const again = await probe.post('/v1/probes/1', key, {});
  expect(executions).toBe(1);
  expect([again.status, again.text]).toEqual([first.status, first.text]);
  for (const name of ['content-type', 'content-length', 'location', 'etag', 'cache-control']) {
    expect([name, again.headers.get(name)]).toEqual([name, first.headers.get(name)]);
  }
  expect(again.headers.get('x-other')).toBeNull();
  expect([replayed(first), replayed(again)]).toEqual([null, 'true']);
});

test('an error of the handler is repeated with its body and as what it is', async () => {
  const probe = await start(async () => {
    throw new Problem('already-exists', { detail: 'There is one.', headers: { 'x-why': 'because' } });
  });
  const key = randomUUID();
  const first = await probe.post('/v1/probes/1', key, {});
  const again = await probe.post('/v1/probes/1', key, {});
  expect([again.status, again.text, again.headers.get('content-type')]).toEqual([
    409,
    first.text,
    'application/problem+json',
  ]);
  expect(replayed(again)).toBe('true');
});

test('a body that is no JSON counts as it is written', async () => {
  const bodies: unknown[] = [];
  const probe = await start(async (_context, body) => {
    bodies.push(body);
    return { status: 204 };
  });
  const key = randomUUID();
  const send = async (body: string) => {
    const headers = {
      authorization: `Bearer ${api.key}`,
      'content-type': 'text/csv; charset=utf-8',
      'idempotency-key': key,
    };
    return (await fetch(`${probe.url}/v1/probes/1`, { method: 'POST', headers, body })).status;
  };
  expect([await send('a;1.0\n'), await send('a;1.0\n'), await send('a;1\n')]).toEqual([204, 204, 422]);
  expect(bodies).toEqual(['a;1.0\n']);
});

test('another query is another request', async () => {
  const probe = await start(async () => ({ status: 204 }));
  const key = randomUUID();
  expect((await probe.post('/v1/probes/1?q=1', key, {})).status).toBe(204);
  expect((await probe.post('/v1/probes/1?q=2', key, {})).status).toBe(422);
  expect((await probe.post('/v1/probes/1', key, {})).status).toBe(422);
  expect(replayed(await probe.post('/v1/probes/1?q=1', key, {}))).toBe('true');
});

test('what failed on our side is not repeated but resumed, at once and with the same effect', async () => {
  const seen: PublicId[] = [];
  const failures: (() => unknown)[] = [
    () => new Error('bug'),
    () => Object.assign(new Error('down'), { code: 'ECONNREFUSED' }),
    () => new Problem('wrong-state', { headers: { 'retry-after': '5' } }),
  ];
  const probe = await start(async (context, _body, id) => {
    seen.push(context.effectId);
    await haveEffect(context, id);
    const failure = failures.shift();
    if (failure !== undefined) throw failure();
    return { status: 201, body: { effect: context.effectId } };
  });
  const key = randomUUID();
  const answers = [];
  for (let n = 0; n < 5; n++) answers.push(await probe.post('/v1/probes/fails', key, {}));
  expect(answers.map(({ status }) => status)).toEqual([500, 503, 409, 201, 201]);
  expect(answers.map((answer) => replayed(answer))).toEqual([null, null, null, null, 'true']);
  expect(seen).toHaveLength(4);
  expect(new Set(seen).size).toBe(1);
  expect(await effects('fails')).toEqual([{ tries: 4 }]);
  expect(await record(key)).toMatchObject({ state: 'completed', attempt: 4 });
});

test('between failures the key stays with its request', async () => {
  const probe = await start(async () => {
    throw new Error('bug');
  });
  const key = randomUUID();
  expect((await probe.post('/v1/probes/1', key, { n: 1 })).status).toBe(500);
  expect(await record(key)).toMatchObject({ state: 'interrupted', lock_owner: null });
  expect((await probe.post('/v1/probes/1', key, { n: 2 })).status).toBe(422);
});

test('a refusal frees the key only if nothing can have happened before it', async () => {
  const outcomes = [new Error('bug'), new Problem('validation-failed'), undefined];
  const seen: PublicId[] = [];
  const probe = await start(async (context) => {
    seen.push(context.effectId);
    const outcome = outcomes.shift();
    if (outcome !== undefined) throw outcome;
    return { status: 204 };
  });
  const key = randomUUID();
  const statuses = [];
  for (let n = 0; n < 3; n++) statuses.push((await probe.post('/v1/probes/1', key, {})).status);
  expect(statuses).toEqual([500, 422, 204]);
  expect(new Set(seen).size).toBe(1);
});

test('without a key every request has an effect of its own, and the same one all through its execution', async () => {
  const seen: PublicId[] = [];
  const probe = await start(async (context, _body, id) => {
    seen.push(context.effectId, context.effectId);
    await haveEffect(context, id);
    return { status: 204 };
  });
  await probe.post('/v1/probes/none', undefined, {});
  await probe.post('/v1/probes/none', undefined, {});
  expect(seen[0]).toMatch(/^eff_[0-9a-f]{32}$/);
  expect(seen[1]).toBe(seen[0]);
  expect(new Set(seen).size).toBe(2);
  expect(await effects('none')).toEqual([{ tries: 1 }, { tries: 1 }]);
});

test('a client that goes away changes nothing: what it asked for happens and is kept for its return', async () => {
  const gate = new Gate();
  gate.close();
  const probe = await start(async (context, _body, id) => {
    await gate.pass();
    await haveEffect(context, id);
    return { status: 201, body: 'x'.repeat(5_000_000) };
  });
  const key = randomUUID();
  const leave = (when: 'before the answer' | 'in the answer') =>
    new Promise<void>((resolve) => {
      const sent = httpRequest(`${probe.url}/v1/probes/gone`, {
        method: 'POST',
        headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json', 'idempotency-key': key },
      });
      sent.on('error', () => resolve());
      sent.on('response', (response) => response.once('data', () => response.destroy()).once('close', resolve));
      sent.end('{}');
      if (when === 'before the answer') void until(() => gate.arrivals === 1).then(() => sent.destroy());
    });
  await leave('before the answer');
  expect(await record(key)).toMatchObject({ state: 'in_flight' });
  gate.open();
  await until(async () => (await record(key))?.state === 'completed');
  await leave('in the answer');
  const answer = await probe.post('/v1/probes/gone', key, {});
  expect([answer.status, answer.text.length, replayed(answer)]).toEqual([201, 5_000_002, 'true']);
  expect(await effects('gone')).toEqual([{ tries: 1 }]);
});

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
  while (answer.status === 409 && Date.now() < begun + 10_000) {
    conflicts++;
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

test('an answer in pieces is sent as it comes and never stored', async () => {
  const probe = await start(async () => ({
    status: 200,
    body: (async function* () {
      for (let line = 0; line < 3; line++) yield `${line};x\n`;
    })(),
  }));
  const key = randomUUID();
  for (let n = 0; n < 2; n++) {
    const answer = await probe.post('/v1/probes/pieces', key, {});
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([
      200,
      '0;x\n1;x\n2;x\n',
      'text/csv',
    ]);
    expect(replayed(answer)).toBeNull();
    expect(await record(key)).toMatchObject({ state: 'interrupted', body: null });
  }
});

test('an answer that fails half-way ends without its end', async () => {
  const probe = await start(async () => ({
    status: 200,
    body: (async function* () {
      yield 'first\n';
      throw new Error('the rest is gone');
    })(),
  }));
  await expect(probe.post('/v1/probes/half', undefined, {})).rejects.toThrow();
  expect(await probe.post('/v1/probes/half', undefined, {}).catch(() => undefined)).toBeUndefined();
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
      { numRuns: 60 },
    );
  });
});
