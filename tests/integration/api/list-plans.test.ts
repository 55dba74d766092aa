import { createHash } from 'node:crypto';
import type { Pool, QueryConfig } from 'pg';
import { newId, toUuid } from '../../../core/ids';
import { listApiKeys } from '../../../domains/accounts/store/api-keys';
import { listTenants } from '../../../domains/accounts/store/tenants';
import { listEvents } from '../../../domains/inbound/store/events';
import { listSources } from '../../../domains/inbound/store/sources';
import {
  forgetTraces,
  notificationsOf,
  sendsInFlight,
  sendsToEndpoints,
} from '../../../domains/notifications/store/erasing';
import { decisionsOf } from '../../../domains/notifications/store/notifications';
import {
  changedAddresses,
  listBulkRows,
  readBulkRows,
  readEarlierRows,
} from '../../../domains/preferences/store/bulk-suppression-rows';
import { listBulks } from '../../../domains/preferences/store/bulk-suppressions';
import { changesOf } from '../../../domains/preferences/store/changes';
import { holdersOf, listDestinations } from '../../../domains/preferences/store/destinations';
import {
  findErasure,
  markErasureDone,
  measureOpenErasures,
  takeDueErasures,
} from '../../../domains/preferences/store/erasures';
import {
  countExports,
  deleteExports,
  listExports,
  removeExpiredExports,
  takeDueExports,
} from '../../../domains/preferences/store/exports';
import { listSubscribers } from '../../../domains/preferences/store/subscribers';
import {
  listSuppressions,
  readSuppressionsLike,
  suppressionsOf,
} from '../../../domains/preferences/store/suppressions';
import { listDeadLetters } from '../../../domains/webhooks/store/dead-letter-reads';
import { listAttempts, listDeliveries } from '../../../domains/webhooks/store/delivery-reads';
import { listEndpoints } from '../../../domains/webhooks/store/endpoints';
import { listEventTypes } from '../../../domains/webhooks/store/event-types';
import { forgetEventContents, listMessages } from '../../../domains/webhooks/store/message-reads';
import { type Page, type PageRequest, SCAN_BUDGET } from '../../../infra/postgres/keyset';
import { createTestDatabase, type TestDatabase } from '../../support/database';

const ROWS = 100_000;
const tenant = newId('ten');
const endpoint = newId('ep');
const replay = newId('rpl');
const bulk = newId('blk');
const otherBulk = newId('blk');
const ids = { message: '', delivery: '' };

/** A time-ordered UUID for row `i`, one a second since 2025. */
const uuid = (prefix: string) =>
  `(lpad(to_hex(1735689600000 + i * 1000), 12, '0') || '7000' || '${prefix}' || lpad(to_hex(i), 15, '0'))::uuid`;

let database: TestDatabase;
let explained: { sql: string; plan: string }[] = [];
let db: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  const values = [tenant, newId('ten'), endpoint, newId('ep'), replay, newId('rpl')].map(toUuid);
  // One row in ten is the tenant's, and of those one in a hundred is the endpoint's.
  const owner = `CASE WHEN i % 10 = 0 THEN '${values[0]}' ELSE '${values[1]}' END::uuid`;
  const target = `CASE WHEN i % 1000 = 0 THEN '${values[2]}' ELSE '${values[3]}' END::uuid`;
  const type = `CASE WHEN i % 70 = 0 THEN 'rare' ELSE 'common' END`;
  const run = (sql: string) => database.pool.query(`${sql} FROM generate_series(1, ${ROWS}) i`);
  await database.pool.query('INSERT INTO tenants (id, name) VALUES ($1, $3), ($2, $3)', [values[0], values[1], 'x']);
  await database.pool.query(
    `INSERT INTO endpoints (id, tenant_id, url, retry_delays_ms, timeout_ms) VALUES ($1, $2, 'u', '{}', 1000)`,
    [values[2], values[0]],
  );
  await database.pool.query(
    `INSERT INTO replays (id, tenant_id, action, source, filter, actor) VALUES ($1, $2, 'replay', 'deliveries', '{}', 'k')`,
    [values[4], values[0]],
  );
  await run(`INSERT INTO messages (id, tenant_id, event_type, body, created_at)
    SELECT ${uuid('8')}, ${owner}, ${type}, repeat('x', 300), now()`);
  await run(`INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, workflow_id, created_at, updated_at,
                               replay_id)
    SELECT ${uuid('8')}, ${owner}, ${uuid('8')}, ${target}, ${type}, CASE WHEN i % 500 = 0 THEN 'dead' ELSE 'delivered' END,
           'w', now(), now(),
           CASE WHEN i % 200 = 0 THEN '${values[4]}' WHEN i % 5 = 0 THEN '${values[5]}' END::uuid`);
  await run(`INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, attempts, created_at, state)
    SELECT ${uuid('8')}, ${owner}, ${uuid('8')}, ${uuid('8')}, ${target}, ${type}, 'exhausted', 1, now(),
           CASE WHEN i % 3 = 0 THEN 'open' ELSE 'retried' END`);
  await run(`INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome)
    SELECT ${uuid('8').replace(' i)', ' i / 10)')}, ${uuid('9')}, i % 10, 'schedule', now(), 1, 'failed'`);
  await run(`INSERT INTO tenants (id, name) SELECT ${uuid('a')}, 'x'`);
  await run(
    `INSERT INTO api_keys (id, tenant_id, name, secret_hash, scopes) SELECT ${uuid('b')}, ${owner}, 'k', '', '{}'`,
  );
  await run(`INSERT INTO event_types (tenant_id, name) SELECT ${owner}, 'type.' || i`);
  await run(`INSERT INTO endpoints (id, tenant_id, url, retry_delays_ms, timeout_ms, state)
    SELECT ${uuid('c')}, ${owner}, 'u', '{}', 1000, CASE WHEN i % 500 = 0 THEN 'paused' ELSE 'enabled' END`);
  await run(`INSERT INTO inbound_sources (id, tenant_id, name, scheme, event_id, tolerance_ms, route)
    SELECT ${uuid('d')}, ${owner}, 's', 'github', '{}', 1000, '{}'`);
  await run(`INSERT INTO inbound_events (id, tenant_id, source_id, key, state, workflow_id, headers, body, body_size, created_at)
    SELECT ${uuid('8')}, ${owner}, ${uuid('d')}, i::text::bytea, CASE WHEN i % 500 = 0 THEN 'failed' ELSE 'processed' END,
           'w', '{}', 'x', 1, now()`);
  await run(
    `INSERT INTO subscribers (id, tenant_id, external_id, data_key) SELECT ${uuid('8')}, ${owner}, i::text, 'k'`,
  );
  await run(`INSERT INTO destinations (id, tenant_id, subscriber_id, channel, address_sealed, address_hash)
    SELECT ${uuid('8')}, ${owner}, ${uuid('8')}, 'email', 'x', sha256(i::text::bytea)`);
  await run(`INSERT INTO suppressions (id, tenant_id, channel, address_hash, scope, reason, source, created_by, created_at)
    SELECT ${uuid('8')}, ${owner}, 'email', sha256(i::text::bytea), '*',
           CASE WHEN i % 500 = 0 THEN 'legal' ELSE 'bounce' END, 'import', 'k', now()`);
  await database.pool.query(
    `INSERT INTO bulk_suppressions (id, tenant_id, state, reason, note, dry_run, actor, ended_at)
     SELECT ${uuid('8')}, $2::uuid, CASE WHEN i % 5 = 0 THEN 'failed' ELSE 'completed' END, 'legal', 'n', false, 'k', now()
     FROM generate_series(1, 2000) i
     UNION ALL SELECT id, $2, 'completed', 'legal', 'n', true, 'k', now() FROM unnest($1::uuid[]) AS id`,
    [[toUuid(bulk), toUuid(otherBulk)], values[0]],
  );
  await database.pool.query(
    `INSERT INTO bulk_suppression_rows (bulk_id, number, tenant_id, channel, address_hash, scope, result)
     SELECT CASE WHEN i % 10 = 0 THEN $1 ELSE $2 END::uuid, i, $3::uuid, 'email', sha256(i::text::bytea), '*',
            CASE WHEN i % 500 = 0 THEN 'invalid' ELSE 'added' END
     FROM generate_series(1, 10000) i`,
    [toUuid(bulk), toUuid(otherBulk), values[0]],
  );
  const few = (sql: string) => database.pool.query(`${sql} FROM generate_series(1, ${ROWS / 25}) i`);
  await few(`INSERT INTO subscriber_exports (id, tenant_id, subscriber_id, format, state, requested_by, expires_at, due_at)
    SELECT ${uuid('8')}, ${owner}, ${uuid('8')}, 'json', 'ready', 'k', now() + i * interval '1 second', now()`);
  await few(`INSERT INTO subscriber_erasures (subscriber_id, tenant_id, change_id, version, state, counts, requested_by, requested_at,
                                             done_at, due_at)
    SELECT ${uuid('8')}, ${owner}, ${uuid('8')}, 2, 'done', '{}', 'k', now(), now(), now()`);
  await few(`INSERT INTO preference_changes (id, tenant_id, subscriber_id, kind, summary, state)
    SELECT ${uuid('8')}, ${owner}, ${uuid('8')}, 'set', '{}', 'done'`);
  await few(`INSERT INTO notifications (id, tenant_id, subscriber_id, category, workflow_id, created_by)
    SELECT ${uuid('8')}, ${owner}, ${uuid('8')}, 'c', 'w', 'k'`);
  await few(`INSERT INTO sends (id, notification_id, tenant_id, subscriber_id, channel, state, workflow_id, ended_at)
    SELECT ${uuid('8')}, ${uuid('8')}, ${owner}, ${uuid('8')}, 'webhook', 'sent', 'w', now()`);
  await few(`INSERT INTO send_decisions (send_id, number, tenant_id, subscriber_id, decision, rule, level, version, decided_at)
    SELECT ${uuid('8')}, 1, ${owner}, ${uuid('8')}, 'allow', 'required', 'category', 1, now()`);
  await few(`INSERT INTO message_keys (tenant_id, key, message_id, fingerprint)
    SELECT ${owner}, 'system:' || i, ${uuid('8')}, 'x'`);
  await database.pool.query('ANALYZE');
  const { rows } = await database.pool.query(`SELECT id, message_id FROM deliveries WHERE tenant_id = $1 LIMIT 1`, [
    values[0],
  ]);
  ids.delivery = `dlv_${rows[0].id.replaceAll('-', '')}`;
  ids.message = `msg_${rows[0].message_id.replaceAll('-', '')}`;
  db = explaining(database.pool);
});
afterAll(() => database.drop());

/** The pool, each of whose queries is first explained. */
function explaining(pool: Pool): Pool {
  return new Proxy(pool, {
    get: (target, name, receiver) => {
      if (name !== 'query') return Reflect.get(target, name, receiver);
      return async (query: QueryConfig) => {
        const { rows } = await target.query({ text: `EXPLAIN (ANALYZE) ${query.text}`, values: query.values ?? [] });
        explained.push({ sql: query.text, plan: rows.map((row) => row['QUERY PLAN']).join('\n') });
        return target.query(query);
      };
    },
  });
}

const address = (text: string) => ({ channel: 'email' as const, hash: createHash('sha256').update(text).digest() });
const somebody = `sub_${'0'.repeat(32)}`;
const since = new Date('2025-01-01T06:00:00Z');
const until = new Date('2025-01-01T09:00:00Z');
const middle = { since, until };

const queries: [string, (request: PageRequest) => Promise<Page<unknown>>, RegExp][] = [
  ['messages', (request) => listMessages(db, tenant, {}, request), /messages_by_tenant/],
  ['messages of a type', (request) => listMessages(db, tenant, { eventType: 'rare' }, request), /messages_by_tenant/],
  ['messages of a time', (request) => listMessages(db, tenant, middle, request), /messages_by_tenant/],
  [
    'messages of a type and time',
    (request) => listMessages(db, tenant, { ...middle, eventType: 'rare' }, request),
    /messages_by_tenant/,
  ],
  ['inbound sources', (request) => listSources(db, tenant, request), /inbound_sources_by_tenant/],
  ['inbound events', (request) => listEvents(db, tenant, {}, request), /inbound_events_by_tenant/],
  [
    'inbound events of a state and time',
    (request) => listEvents(db, tenant, { ...middle, state: 'failed' }, request),
    /inbound_events_by_tenant/,
  ],
  ['deliveries', (request) => listDeliveries(db, tenant, {}, request), /deliveries_by_tenant/],
  [
    'deliveries of a state',
    (request) => listDeliveries(db, tenant, { state: 'dead' }, request),
    /deliveries_by_tenant/,
  ],
  [
    'deliveries of no state there is',
    (request) => listDeliveries(db, tenant, { state: 'held' }, request),
    /deliveries_(by_tenant|held)/,
  ],
  [
    'deliveries of a type',
    (request) => listDeliveries(db, tenant, { eventType: 'rare' }, request),
    /deliveries_by_tenant/,
  ],
  [
    'deliveries of a state, type and time',
    (request) => listDeliveries(db, tenant, { ...middle, state: 'dead', eventType: 'rare' }, request),
    /deliveries_by_tenant/,
  ],
  [
    'deliveries of an endpoint',
    (request) => listDeliveries(db, tenant, { endpointId: endpoint }, request),
    /deliveries_by_endpoint/,
  ],
  [
    'deliveries of an endpoint and state',
    (request) => listDeliveries(db, tenant, { endpointId: endpoint, state: 'dead' }, request),
    /deliveries_by_endpoint/,
  ],
  [
    'deliveries of an endpoint and time',
    (request) => listDeliveries(db, tenant, { ...middle, endpointId: endpoint, eventType: 'common' }, request),
    /deliveries_by_endpoint/,
  ],
  [
    'deliveries of a message',
    (request) => listDeliveries(db, tenant, { messageId: ids.message }, request),
    /deliveries_(pkey|by_tenant|by_endpoint)/,
  ],
  [
    'deliveries of a message, state and endpoint',
    (request) => listDeliveries(db, tenant, { messageId: ids.message, state: 'dead', endpointId: endpoint }, request),
    /deliveries_(pkey|by_tenant|by_endpoint)/,
  ],
  [
    'deliveries of a replay',
    (request) => listDeliveries(db, tenant, { replayId: replay }, request),
    /deliveries_(of|by)_replay|replays_(pkey|by_tenant)/,
  ],
  [
    'deliveries of a replay, an endpoint, a state and a time',
    (request) =>
      listDeliveries(db, tenant, { ...middle, replayId: replay, endpointId: endpoint, state: 'dead' }, request),
    /deliveries_((of|by)_replay|by_endpoint)|replays_(pkey|by_tenant)/,
  ],
  ['attempts', (request) => listAttempts(db, ids.delivery, request), /attempts_pkey/],
  ['dead letters', (request) => listDeadLetters(db, tenant, {}, request), /dead_letters_by_tenant/],
  [
    'open dead letters',
    (request) => listDeadLetters(db, tenant, { state: 'open' }, request),
    /dead_letters_open_by_tenant/,
  ],
  [
    'dead letters of a reason, type and time',
    (request) => listDeadLetters(db, tenant, { ...middle, reason: 'gone', eventType: 'rare' }, request),
    /dead_letters_by_tenant/,
  ],
  [
    'dead letters of an endpoint',
    (request) => listDeadLetters(db, tenant, { endpointId: endpoint, state: 'open' }, request),
    /dead_letters_open_by_endpoint/,
  ],
  ['endpoints', (request) => listEndpoints(db, tenant, { state: undefined }, request), /endpoints_by_tenant/],
  ['endpoints of a state', (request) => listEndpoints(db, tenant, { state: 'paused' }, request), /endpoints_by_tenant/],
  ['event types', (request) => listEventTypes(db, tenant, { archived: undefined }, request), /event_types_pkey/],
  ['archived event types', (request) => listEventTypes(db, tenant, { archived: true }, request), /event_types_pkey/],
  ['subscribers', (request) => listSubscribers(db, tenant, {}, request), /subscribers_by_tenant/],
  [
    'subscribers of an external id',
    (request) => listSubscribers(db, tenant, { externalId: '50000' }, request),
    /subscribers_external/,
  ],
  [
    'subscribers of an address',
    (request) => listSubscribers(db, tenant, { address: address('50000') }, request),
    /destinations_by_address/,
  ],
  ['destinations', (request) => listDestinations(db, somebody, request), /destinations_by_subscriber/],
  ['exports', (request) => listExports(db, somebody, request), /subscriber_exports_by_subscriber/],
  ['suppressions', (request) => listSuppressions(db, tenant, {}, request), /suppressions_by_tenant/],
  [
    'suppressions of a reason that are in force',
    (request) => listSuppressions(db, tenant, { reason: 'legal', inForce: true }, request),
    /suppressions_(by_tenant|active)/,
  ],
  [
    'suppressions of an address',
    (request) => listSuppressions(db, tenant, { address: address('50000'), reason: 'legal' }, request),
    /suppressions_by_address|suppressions_active/,
  ],
  ['bulk suppressions', (request) => listBulks(db, tenant, {}, request), /bulk_suppressions_by_tenant/],
  [
    'bulk suppressions of a state',
    (request) => listBulks(db, tenant, { state: 'failed' }, request),
    /bulk_suppressions_by_tenant/,
  ],
  ['rows of one', (request) => listBulkRows(db, bulk, {}, request), /bulk_suppression_rows_pkey/],
  [
    'rows of one with a result',
    (request) => listBulkRows(db, bulk, { result: 'invalid' }, request),
    /bulk_suppression_rows_pkey/,
  ],
  ['API keys', (request) => listApiKeys(db, tenant, request), /api_keys_by_tenant/],
  ['tenants', (request) => listTenants(db, request), /tenants_pkey/],
];

test.each(queries)(
  '%s are read by index, in order and without reading what is not asked for',
  async (_name, list, index) => {
    for (const order of ['asc', 'desc'] as const) {
      explained = [];
      const first = await list({ order, limit: 50 });
      if (first.next !== undefined) await list({ order, limit: 50, position: first.next });
      expect(explained.length).toBeGreaterThan(0);
      for (const { sql, plan } of explained) {
        expect({ sql, plan }).toEqual({ sql, plan: expect.not.stringMatching(/Seq Scan/) });
        if (!sql.startsWith('SELECT FROM')) expect(plan).toMatch(index);
        const removed = Number(/Rows Removed by Filter: (\d+)/.exec(plan)?.[1] ?? 0);
        expect({ sql, plan, bounded: removed <= SCAN_BUDGET }).toEqual({ sql, plan, bounded: true });
      }
    }
  },
);

const some = Array.from({ length: 200 }, (_, index) => address(String(index * 10)));
const alike = some.map((one) => ({ address: one, scope: '*', reason: 'bounce' as const }));

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['the next rows', () => readBulkRows(db, bulk, 5_000, 200), /bulk_suppression_rows_pkey/],
  ['what rows changed', () => changedAddresses(db, bulk, { after: 5_000, upTo: 7_000 }), /bulk_suppression_rows_pkey/],
  [
    'rows like these',
    () => readEarlierRows(db, { id: bulk, tenantId: tenant }, 5_000, some),
    /bulk_suppression_rows_by_address/,
  ],
  ['suppressions like these', () => readSuppressionsLike(db, tenant, alike), /suppressions_(active|by_address)/],
  ['who has these addresses', () => holdersOf(db, tenant, some), /destinations_by_address/],
])('%s of a bulk suppression are found by index', async (_name, read, index) => {
  explained = [];
  await read();
  for (const { sql, plan } of explained) {
    expect({ sql, plan }).toEqual({ sql, plan: expect.not.stringMatching(/Seq Scan/) });
    expect(plan).toMatch(index);
  }
});

const told = [newId('ntf'), newId('ntf')];

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['changes of somebody', () => changesOf(db, somebody, undefined, 50), /preference_changes_by_subscriber/],
  [
    "suppressions of somebody's addresses",
    () => suppressionsOf(db, somebody, undefined, 50),
    /suppressions_by_address/,
  ],
  ['the number of exports', () => countExports(db, somebody), /subscriber_exports_by_subscriber/],
  ['exports to resume', () => takeDueExports(db, 1_000, 50), /subscriber_exports_due/],
  ['exports that have expired', () => removeExpiredExports(db, 50), /subscriber_exports_expiry/],
  ['exports of who is erased', () => deleteExports(db, somebody), /subscriber_exports_by_subscriber/],
  ['an erasure', () => findErasure(db, tenant, somebody), /subscriber_erasures_pkey/],
  ['an erasure to end', () => markErasureDone(db, somebody), /subscriber_erasures_(pkey|due)/],
  ['the oldest open erasure', () => measureOpenErasures(db), /subscriber_erasures_due/],
  ['erasures to resume', () => takeDueErasures(db, 1_000, 50), /subscriber_erasures_due/],
  ['notifications of who is erased', () => notificationsOf(db, somebody, undefined, 50), /notifications_by_subscriber/],
  ['their sends in flight', () => sendsInFlight(db, told), /sends_by_notification/],
  ['their sends to endpoints', () => sendsToEndpoints(db, told), /sends_by_notification/],
  ['what their servers answered', () => forgetTraces(db, told), /sends_by_notification/],
  ['decisions about sends', () => decisionsOf(db, told), /send_decisions_pkey/],
  [
    'messages that told endpoints',
    () => forgetEventContents(db, tenant, 'preference.changed', ['1', '2']),
    /message_keys_pkey[\s\S]*messages_pkey/,
  ],
])('%s are found by index', async (_name, run, index) => {
  explained = [];
  await run();
  expect(explained).toHaveLength(1);
  for (const { sql, plan } of explained) {
    expect({ sql, plan }).toEqual({ sql, plan: expect.not.stringMatching(/Seq Scan/) });
    expect(plan).toMatch(index);
  }
});
