import fc from 'fast-check';
import { Client } from 'pg';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { appendAudit } from '../../../domains/audit/store/audit-log';
import { verifyFinances } from '../../../domains/settlement/verifying/verify-finances';
import { inTransaction } from '../../../infra/postgres/pool';
import { createApi, type TestApi } from '../../support/api-support';
import { insertTenant } from '../../support/fixtures';
import { inside } from '../../support/tamper';

const VERIFY = '/api/v2/finance/settlement/audit/verify';
const LIST = '/api/v2/finance/settlement/audit';
const ENTRIES = 12;

let api: TestApi;
/** A connection that bypasses the tables' rules, as somebody who tampers would. */
let tamperer: Client;

beforeAll(async () => {
  api = await createApi();
  tamperer = new Client({ connectionString: api.pipeline.database.url });
  await tamperer.connect();
  await tamperer.query('SET session_replication_role = replica');
});
afterAll(async () => {
  await tamperer.end();
  await api.close();
});

const append = (tenantId: PublicId, payload: unknown, action = 'ledger.adjusted') =>
  inTransaction(api.deps.pool, (client) =>
    appendAudit(client, tenantId, { actor: 'key_test', action, subject: '2026-10-29', payload }),
  );

const verify = (tenantId: PublicId) => verifyFinances({ pool: api.deps.pool }, tenantId);

async function chain(length: number): Promise<PublicId> {
  const tenantId = await insertTenant(api.deps.pool);
  for (const payload of fc.sample(fc.jsonValue({ stringUnit: 'grapheme' }), length))
    await append(tenantId, { payload });
  return tenantId;
}

test('entries are numbered without a gap, each with the hash of the one before', async () => {
  const tenant = await api.newTenant();
  for (const action of ['one', 'two', 'three'])
    await append(tenant.tenantId, { amount: '12345', note: undefined }, action);
  const { body } = await api.call('GET', `${LIST}?order=asc`, { key: tenant.key });
  expect(body.data).toMatchObject([
    { seq: 1, action: 'one', prevHash: '0'.repeat(64), payload: { amount: '12345' } },
    { seq: 2, action: 'two', prevHash: body.data[0].hash },
    { seq: 3, action: 'three', prevHash: body.data[1].hash },
  ]);
  expect((await api.call('GET', VERIFY, { key: tenant.key })).body).toEqual({
    verified: true,
    entries: 3,
    head: { seq: 3, hash: body.data[2].hash },
    brokenAt: null,
    findings: [],
    next: null,
  });
});

test('an empty log is whole', async () => {
  const tenant = await api.newTenant();
  const { body } = await api.call('GET', VERIFY, { key: tenant.key });
  expect(body).toEqual({ verified: true, entries: 0, head: null, brokenAt: null, findings: [], next: null });
});

test('pages of the list follow each other, newest first', async () => {
  const tenant = await api.newTenant();
  for (let n = 0; n < 5; n++) await append(tenant.tenantId, n);
  const seen: number[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await api.call('GET', `${LIST}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`, {
      key: tenant.key,
    });
    seen.push(...body.data.map(({ seq }: { seq: number }) => seq));
    cursor = body.next;
  }
  expect(seen).toEqual([5, 4, 3, 2, 1]);
});

test('an entry of a transaction that is rolled back was never there, and leaves no gap', async () => {
  const tenantId = await chain(1);
  await expect(
    inTransaction(api.deps.pool, async (client) => {
      await appendAudit(client, tenantId, { actor: 'a', action: 'b', subject: 'c', payload: null });
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await append(tenantId, 'after');
  expect(await verify(tenantId)).toMatchObject({ verified: true, entries: 2 });
});

test('a hundred entries added at once make one chain', async () => {
  const tenantId = await insertTenant(api.deps.pool);
  await Promise.all(Array.from({ length: 100 }, (_, n) => append(tenantId, { n })));
  expect(await verify(tenantId)).toMatchObject({ verified: true, entries: 100 });
});

test('whatever payload is written, the entry holds', async () => {
  const tenantId = await insertTenant(api.deps.pool);
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue({ stringUnit: fc.constantFrom('a', '"', '\\', '{', '1', 'é', '\n', '😀') }),
      async (value) => {
        await append(tenantId, value);
        expect(await verify(tenantId)).toMatchObject({ verified: true });
      },
    ),
    { numRuns: 25 },
  );
});

test('a payload that JSON cannot say is refused before anything is written', async () => {
  const tenantId = await chain(1);
  await expect(append(tenantId, { amount: 1n })).rejects.toThrow(TypeError);
  expect(await verify(tenantId)).toMatchObject({ verified: true, entries: 1 });
});

test('rows cannot be changed, removed or emptied', async () => {
  const tenantId = await chain(1);
  const { pool } = api.deps;
  const where = `WHERE tenant_id = '${toUuid(tenantId)}'`;
  for (const statement of [
    `UPDATE finance_audit_log SET actor = 'x' ${where}`,
    `DELETE FROM finance_audit_log ${where}`,
    'TRUNCATE finance_audit_log',
  ]) {
    await expect(pool.query(statement)).rejects.toThrow(/never change/);
  }
});

/** A change of one column of one row, as SQL that yields another value. */
type Tampering = { column: string; sql: (random: number) => string };

const flipByte = (column: string): Tampering => ({
  column,
  sql: (random) => `set_byte(${column}, ${random % 32}, get_byte(${column}, ${random % 32}) # ${1 + (random % 255)})`,
});
const changeText = (column: string): Tampering => ({
  column,
  sql: (random) => {
    const at = `${random} % length(${column})`;
    const other = `chr(CASE ascii(substr(${column}, 1 + ${at}, 1)) WHEN 120 THEN 121 ELSE 120 END)`;
    return `overlay(${column} PLACING ${other} FROM 1 + ${at} FOR 1)`;
  },
});
const tamperings: Tampering[] = [
  flipByte('hash'),
  flipByte('prev_hash'),
  changeText('actor'),
  changeText('action'),
  changeText('subject'),
  { column: 'at', sql: (random) => `at + interval '${1 + random} microseconds'` },
  { column: 'payload', sql: (random) => `jsonb_build_object('payload', payload, 'n', ${random})` },
  { column: 'payload', sql: () => `jsonb_set(payload, '{payload}', '{"other": 1}')` },
  { column: 'tenant_id', sql: () => 'gen_random_uuid()' },
  { column: 'seq', sql: (random) => `seq + ${ENTRIES + random}` },
];

test('I13: whatever column of whatever entry is changed, verification names that entry', async () => {
  const tenantId = await chain(ENTRIES);
  const tenant = toUuid(tenantId);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: ENTRIES }),
      fc.constantFrom(...tamperings),
      fc.nat({ max: 1_000_000 }),
      async (seq, { column, sql }, random) => {
        await tamperer.query('BEGIN');
        const { rowCount } = await tamperer.query(
          `UPDATE finance_audit_log SET ${column} = ${sql(random)} WHERE tenant_id = $1 AND seq = $2`,
          [tenant, seq],
        );
        expect(rowCount).toBe(1);
        const verdict = await verifyFinances({ pool: inside(tamperer) }, tenantId);
        await tamperer.query('ROLLBACK');
        expect([column, verdict]).toEqual([
          column,
          expect.objectContaining({ verified: false, brokenAt: seq, entries: seq - 1 }),
        ]);
      },
    ),
    { numRuns: 60 },
  );
  expect(await verify(tenantId)).toMatchObject({ verified: true, entries: ENTRIES });
});

test('a number that was changed in digits that a double does not have is found', async () => {
  const tenantId = await insertTenant(api.deps.pool);
  await append(tenantId, { n: 0.1, big: 12345678901234567000 });
  for (const forged of [
    '{"n": 0.1000000000000000000001, "big": 12345678901234567000}',
    '{"n": 0.1, "big": 12345678901234567001}',
  ]) {
    await tamperer.query('BEGIN');
    await tamperer.query('UPDATE finance_audit_log SET payload = $2 WHERE tenant_id = $1', [toUuid(tenantId), forged]);
    const verdict = await verifyFinances({ pool: inside(tamperer) }, tenantId);
    await tamperer.query('ROLLBACK');
    expect(verdict).toMatchObject({ verified: false, brokenAt: 1 });
  }
  expect(await verify(tenantId)).toMatchObject({ verified: true });
});

test('an entry that was taken out is missed, in the middle and at the end', async () => {
  const tenant = await api.newTenant();
  for (let n = 1; n <= 5; n++) await append(tenant.tenantId, n);
  const verdict = async () => (await api.call('GET', VERIFY, { key: tenant.key })).body;
  await tamperer.query('DELETE FROM finance_audit_log WHERE tenant_id = $1 AND seq = 5', [toUuid(tenant.tenantId)]);
  expect(await verdict()).toMatchObject({ verified: false, entries: 4, brokenAt: 5 });

  // What comes after is added all the same, and does not take its place.
  await append(tenant.tenantId, 'afterwards');
  const missing = { seq: 5, subject: 'entry', problem: 'missing' };
  expect(await verdict()).toMatchObject({ verified: false, entries: 4, brokenAt: 5, findings: [missing] });

  await tamperer.query('DELETE FROM finance_audit_log WHERE tenant_id = $1 AND seq = 2', [toUuid(tenant.tenantId)]);
  expect(await verdict()).toMatchObject({
    brokenAt: 2,
    entries: 1,
    findings: [{ seq: 2, problem: 'missing' }, missing],
  });

  await tamperer.query('DELETE FROM finance_audit_log WHERE tenant_id = $1', [toUuid(tenant.tenantId)]);
  expect(await verdict()).toMatchObject({ verified: false, entries: 0, brokenAt: 1 });
});

test('removed with what is kept apart from the log, it is missed by a head that was kept outside', async () => {
  const tenant = await api.newTenant();
  for (let n = 1; n <= 3; n++) await append(tenant.tenantId, n);
  const { head } = (await api.call('GET', VERIFY, { key: tenant.key })).body;
  const values = [toUuid(tenant.tenantId)];
  await tamperer.query('DELETE FROM finance_audit_log WHERE tenant_id = $1 AND seq = 3', values);
  await tamperer.query(
    `UPDATE finance_audit_heads h SET seq = l.seq, hash = l.hash FROM finance_audit_log l
     WHERE h.tenant_id = $1 AND l.tenant_id = $1 AND l.seq = 2`,
    values,
  );
  await append(tenant.tenantId, 'in its place');
  expect((await api.call('GET', VERIFY, { key: tenant.key })).body).toMatchObject({ verified: true, entries: 3 });
  const kept = `${VERIFY}?seq=${head.seq}&hash=${head.hash}`;
  expect((await api.call('GET', kept, { key: tenant.key })).body).toMatchObject({ verified: false, brokenAt: 3 });
});

test('an entry that was added past Waybill is found, even one that is well made', async () => {
  const tenant = await api.newTenant();
  await append(tenant.tenantId, 1);
  const values = [toUuid(tenant.tenantId)];
  await tamperer.query('CREATE TEMP TABLE kept AS SELECT * FROM finance_audit_heads WHERE tenant_id = $1', values);
  await append(tenant.tenantId, 'forged');
  await tamperer.query(
    'UPDATE finance_audit_heads h SET seq = k.seq, hash = k.hash FROM kept k WHERE k.tenant_id = h.tenant_id',
  );
  const verdict = async () => (await api.call('GET', VERIFY, { key: tenant.key })).body;
  expect(await verdict()).toMatchObject({ verified: false, brokenAt: 2 });
  await append(tenant.tenantId, 'goes on');
  expect((await api.call('GET', `${LIST}?limit=1`, { key: tenant.key })).body.data).toMatchObject([{ seq: 3 }]);
});

test('a long log is verified in several requests, and what one finds the last one still knows', async () => {
  const tenant = await api.newTenant();
  for (let n = 1; n <= 7; n++) await append(tenant.tenantId, n);
  const walk = async () => {
    const answers = [];
    for (let next = ''; ; ) {
      const { body } = await api.call('GET', `${VERIFY}?limit=3${next && `&next=${next}`}`, { key: tenant.key });
      answers.push(body);
      if (body.next === null) return answers;
      next = body.next;
    }
  };
  expect(await walk()).toMatchObject([
    { verified: null, entries: 3 },
    { verified: null, entries: 6 },
    { verified: true, entries: 7, head: { seq: 7 } },
  ]);
  await tamperer.query("UPDATE finance_audit_log SET actor = 'x' WHERE tenant_id = $1 AND seq = 2", [
    toUuid(tenant.tenantId),
  ]);
  const [first, , last] = await walk();
  expect(first).toMatchObject({ verified: false, brokenAt: 2, findings: [{ seq: 2, problem: 'changed' }] });
  expect(last).toMatchObject({ verified: false, brokenAt: 2, entries: 1, findings: [] });
  expect((await api.call('GET', `${VERIFY}?next=nonsense`, { key: tenant.key })).status).toBe(422);
});

test('a chain longer than a page is walked to its end', async () => {
  const tenantId = await insertTenant(api.deps.pool);
  await inTransaction(api.deps.pool, async (client) => {
    for (let n = 0; n < 1_100; n++) {
      await appendAudit(client, tenantId, { actor: 'a', action: 'b', subject: 'c', payload: n });
    }
  });
  expect(await verify(tenantId)).toMatchObject({ verified: true, entries: 1_100 });
  await tamperer.query('BEGIN');
  await tamperer.query(`UPDATE finance_audit_log SET actor = 'x' WHERE tenant_id = $1 AND seq = 1001`, [
    toUuid(tenantId),
  ]);
  expect(await verifyFinances({ pool: inside(tamperer) }, tenantId)).toMatchObject({ brokenAt: 1_001 });
  await tamperer.query('ROLLBACK');
});

test('a head is asked for with both its parts', async () => {
  for (const query of ['seq=1', `hash=${'0'.repeat(64)}`, 'seq=0&hash=x']) {
    expect((await api.call('GET', `${VERIFY}?${query}`)).status).toBe(422);
  }
});

test("another tenant's entries are not in the list, and do not count", async () => {
  const [mine, other] = [await api.newTenant(), await api.newTenant()];
  await append(other.tenantId, { secret: newId('pay') });
  expect((await api.call('GET', LIST, { key: mine.key })).body.data).toEqual([]);
  expect((await api.call('GET', VERIFY, { key: mine.key })).body.entries).toBe(0);
});
