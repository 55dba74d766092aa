import { createHash } from 'node:crypto';
import type { PoolClient, QueryConfig } from 'pg';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import {
  changedAddresses,
  readBulkRows,
  readEarlierRows,
  recordRowResults,
} from '../../../domains/preferences/store/bulk-suppression-rows';
import { holdersOf, lockSubscribersAt } from '../../../domains/preferences/store/destinations';
import { bumpVersions, moveConsentHeads, readConsentHeads } from '../../../domains/preferences/store/subscribers';
import { lockSuppressionsLike, updateExpiries } from '../../../domains/preferences/store/suppressions';
import type { Queryable } from '../../../infra/postgres/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertTenant } from '../../support/fixtures';

// Statistics from when there was nothing, as when a tenant's first file arrives.
const ROWS = 4_000;
const PAGE = 200;
const hash = (text: string) => createHash('sha256').update(text).digest();

let database: TestDatabase;
let client: PoolClient;
let tenant: PublicId;
const bulk = newId('blk');
let subscribers: PublicId[];

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  tenant = await insertTenant(pool);
  await pool.query('ANALYZE');
  const id = `(lpad(to_hex(1735689600000 + i), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid`;
  const run = (sql: string, ...more: unknown[]) =>
    pool.query(`${sql} FROM generate_series(1, ${ROWS}) i`, [toUuid(tenant), ...more]);
  await run(`INSERT INTO subscribers (id, tenant_id, external_id, data_key) SELECT ${id}, $1, i::text, 'k'`);
  await run(`INSERT INTO destinations (id, tenant_id, subscriber_id, channel, address_sealed, address_hash)
    SELECT ${id}, $1, ${id}, 'email', 'x', sha256(i::text::bytea)`);
  await run(`INSERT INTO suppressions (id, tenant_id, channel, address_hash, scope, reason, source, created_by, created_at)
    SELECT ${id}, $1, 'email', sha256(i::text::bytea), '*', 'bounce', 'import', 'k', now()`);
  await pool.query(
    `INSERT INTO bulk_suppressions (id, tenant_id, reason, note, dry_run, actor) VALUES ($1, $2, 'bounce', 'n', false, 'k')`,
    [toUuid(bulk), toUuid(tenant)],
  );
  await run(
    `INSERT INTO bulk_suppression_rows (bulk_id, number, tenant_id, channel, address_hash, scope, result)
     SELECT $2, i, $1, 'email', sha256(i::text::bytea), '*', 'added'`,
    toUuid(bulk),
  );
  const { rows } = await pool.query('SELECT id FROM subscribers ORDER BY id LIMIT 200');
  subscribers = rows.map((row) => `sub_${row.id.replaceAll('-', '')}`);
  client = await pool.connect();
});
afterAll(async () => {
  client.release();
  await database.drop();
});

const addresses = Array.from({ length: 200 }, (_, at) => ({ channel: 'email' as const, hash: hash(String(at + 1)) }));
const alike = addresses.map((address) => ({ address, scope: '*', reason: 'bounce' as const }));
const heads = () => new Map(subscribers.map((id) => [id, { seq: 1, hash: hash('h'), mac: undefined }]));
const results = () =>
  addresses.map((_, at) => ({
    number: at + 1,
    result: 'added' as const,
    problem: undefined,
    suppressionId: undefined,
  }));

test.each<[string, (db: Queryable) => Promise<unknown>]>([
  ['reads the next rows', (db) => readBulkRows(db, bulk, 1_000, 200)],
  ['reads what rows changed', (db) => changedAddresses(db, bulk, { after: 1_000, upTo: 1_200 })],
  ['reads rows like these', (db) => readEarlierRows(db, { id: bulk, tenantId: tenant }, 2_000, addresses)],
  ['records results', (db) => recordRowResults(db, bulk, results())],
  ['locks suppressions like these', (db) => lockSuppressionsLike(db, tenant, alike)],
  [
    'extends suppressions',
    (db) =>
      updateExpiries(
        db,
        subscribers.map((id) => ({ id: id.replace('sub', 'sup') as PublicId, expiresAt: undefined })),
      ),
  ],
  ['locks who has these addresses', (db) => lockSubscribersAt(db, tenant, addresses)],
  ['reads who has these addresses', (db) => holdersOf(db, tenant, addresses)],
  ['gives them versions', (db) => bumpVersions(db, subscribers)],
  ['reads the ends of their logs', (db) => readConsentHeads(db, subscribers)],
  ['moves the ends of their logs', (db) => moveConsentHeads(db, heads())],
])('a page of a bulk suppression %s without reading others', async (_name, work) => {
  const plans: string[] = [];
  const db = {
    query: async (query: QueryConfig) => {
      const explained = await client.query({ text: `EXPLAIN (ANALYZE) ${query.text}`, values: query.values ?? [] });
      plans.push(explained.rows.map((row) => row['QUERY PLAN']).join('\n'));
      return { rows: [], rowCount: 0 };
    },
  };
  await client.query('BEGIN');
  await work(db as unknown as Queryable).finally(() => client.query('ROLLBACK'));
  expect(plans.length).toBeGreaterThan(0);
  // Rows of the page may be compared with each other, and none with all there are.
  for (const plan of plans) {
    const read = [...plan.matchAll(/actual time=\S+ rows=(\d+)/g)].map(([, rows]) => Number(rows));
    const removed = [...plan.matchAll(/Rows Removed by (?:Join )?Filter: (\d+)/g)].map(([, rows]) => Number(rows));
    expect(removed.every((rows) => rows < PAGE * PAGE) ? '' : plan).toBe('');
    expect(read.every((rows) => rows <= PAGE * 2) ? '' : plan).toBe('');
    expect(plan).not.toMatch(/Seq Scan/);
  }
});
