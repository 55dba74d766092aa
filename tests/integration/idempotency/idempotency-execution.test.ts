import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Problem } from '../../../api/http/problems';
import type { RouteResult } from '../../../api/http/route';
import { type PublicId, toUuid } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import type { TestApi } from '../../support/api-support';
import { Gate, until } from '../../support/idempotency-support';
import { type Behaviour, createProbes, type Probes, replayed } from '../../support/probes';

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

test('a hundred requests at once over two processes are executed once', async () => {
  let executions = 0;
  const behave: Behaviour = async (context, _body, id) => {
    executions++;
    await haveEffect(context, id);
    return { status: 201, body: { executions } };
  };
  const [one, two] = [await start(behave), await start(behave)];
  for (let round = 0; round < 8; round++) {
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

test('an answer is found by its key, whichever of the unique indexes a plan takes', async () => {
  const { rows } = await api.deps.pool.query<{ name: string; columns: string }>(
    `SELECT indexname AS name, substring(indexdef FROM '\\((.*)\\)') AS columns FROM pg_indexes
     WHERE tablename = 'idempotency_records' AND indexdef LIKE 'CREATE UNIQUE%' ORDER BY indexname`,
  );
  expect(rows).toEqual([
    { name: 'idempotency_records_by_principal', columns: 'key, tenant_id, principal_id, route' },
    { name: 'idempotency_records_pkey', columns: 'tenant_id, route, key' },
  ]);
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
