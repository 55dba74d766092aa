import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { fromUuid, type IdPrefix, newId, toUuid, uuidFloor } from '../../../core/ids';
import { adjustmentPosting } from '../../../domains/ledger/rules/postings';
import { postTransaction } from '../../../domains/ledger/store/ledger';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertMerchant } from '../../support/finance';
import { followUntil } from '../../support/following';
import { insertOnePayment } from '../../support/payments';
import { insertSettledDay } from '../../support/settled-day';

let api: TestApi;
const of: Record<string, string> = {};
beforeAll(async () => {
  api = await createApi();
  const { pool } = api.deps;
  await insertBusiness(pool, api.tenantId);
  of.merchant = toUuid((await insertMerchant(pool, api.tenantId)).id);
  const ids = await insertOnePayment(pool, api.tenantId);
  of.payment = toUuid(ids['payments.id'] ?? '');
  of.order = toUuid(ids['orders.id'] ?? '');
  of.run = toUuid((await insertSettledDay(pool, api.tenantId, { date: '2026-10-29', transactions: [] })).runId);
});
afterAll(() => api.close());

interface List {
  path: string;
  prefix: IdPrefix;
  table: string;
  /** Columns but for id and tenant, and what to put in them; `$1` is the id. */
  rest?: () => Record<string, string>;
  /** Writes a row some other way, and returns its id. */
  write?: (client: Client) => Promise<string>;
}

const text = (value: string | undefined) => `'${value}'`;
const LISTS: List[] = [
  {
    path: '/v1/dead-letters',
    prefix: 'dl',
    table: 'dead_letters',
    rest: () => ({
      delivery_id: '$1',
      message_id: '$1',
      endpoint_id: '$1',
      event_type: "'a'",
      reason: "'gone'",
      attempts: '1',
      created_at: 'now()',
    }),
  },
  {
    path: '/v1/orders',
    prefix: 'ord',
    table: 'orders',
    rest: () => ({ merchant_id: text(of.merchant), amount: '1', currency: "'EUR'" }),
  },
  {
    path: '/v1/payments',
    prefix: 'pay',
    table: 'payments',
    rest: () => ({
      order_id: text(of.order),
      merchant_id: text(of.merchant),
      amount: '1',
      currency: "'EUR'",
      card_token: "'tok'",
      state: "'declined'",
      workflow_id: "'w'",
    }),
  },
  {
    path: `/v1/payments/{payment}/refunds`,
    prefix: 'ref',
    table: 'refunds',
    rest: () => ({
      payment_id: text(of.payment),
      amount: '1',
      currency: "'EUR'",
      workflow_id: "'w'",
      state: "'failed'",
    }),
  },
  {
    path: '/v1/chargebacks',
    prefix: 'cbk',
    table: 'chargebacks',
    rest: () => ({
      payment_id: text(of.payment),
      provider_reference: '$1::text',
      amount: '1',
      currency: "'EUR'",
      reason: "'fraud'",
      occurred_at: 'now()',
      workflow_id: "'w'",
    }),
  },
  { path: '/v1/wallets', prefix: 'wal', table: 'wallets', rest: () => ({ currency: "'EUR'", owner: "'a'" }) },
  {
    path: '/v1/approvals',
    prefix: 'apr',
    table: 'payment_approvals',
    rest: () => ({
      action: "'refund.resolve'",
      subject: '$1::text',
      command: `'{"as":"not_refunded","reason":"r"}'`,
      amount: '1',
      currency: "'EUR'",
      state: "'waiting'",
      requested_by: "'key_0'",
    }),
  },
  {
    path: '/v1/ledger/transactions',
    prefix: 'ltx',
    table: 'ledger_transactions',
    write: async (client) => {
      const { id } = await postTransaction(client, {
        tenantId: api.tenantId,
        kind: 'adjustment',
        externalRef: newId('adj'),
        currency: 'EUR',
        merchantId: fromUuid('mer', of.merchant ?? ''),
        posting: adjustmentPosting(fromUuid('mer', of.merchant ?? ''), 1n),
        effectiveAt: new Date(),
      });
      return toUuid(id);
    },
  },
  {
    path: '/api/v2/finance/settlement/payouts',
    prefix: 'out',
    table: 'payouts',
    rest: () => ({
      run_id: text(of.run),
      merchant_id: text(of.merchant),
      currency: "'EUR'",
      business_date: "'2026-10-29'",
      amount: '1',
      sent_at: 'now()',
    }),
  },
  {
    path: '/api/v2/finance/settlement/2026-10-29/reconciliation',
    prefix: 'rec',
    table: 'reconciliation_runs',
    rest: () => ({
      run_id: text(of.run),
      state: "'within_tolerance'",
      actor: "'key'",
      file_hash: "''",
      line_count: '0',
      matched: '0',
      missing_internal: '0',
      missing_external: '0',
      amount_mismatch: '0',
      currency_mismatch: '0',
      duplicate: '0',
    }),
  },
];

function insertInto({ table, rest }: List): string {
  const columns = rest?.() ?? {};
  return `INSERT INTO ${table} (id, tenant_id, ${Object.keys(columns).join(', ')})
    VALUES ($1::uuid, '${toUuid(api.tenantId)}', ${Object.values(columns).join(', ')})`;
}

const HOUR_MS = 3_600_000;
const ROWS_OF_EACH_WRITER = 20;

/** An id of long ago, as a repeated request has it, or of no time at all, as settlements derive it. */
function oddId(prefix: IdPrefix, n: number): string {
  const random = toUuid(newId(prefix));
  if (n % 3 === 0) return random;
  return n % 3 === 1
    ? `${uuidFloor(Date.now() - (n % 24) * HOUR_MS).slice(0, 12)}${random.slice(12)}`
    : [...random].reverse().join('');
}

/** Writes rows on a connection of its own, each in a transaction that stays open for a while; `dies` never commits. */
async function write(list: List, openMs: readonly number[], dies = false): Promise<string[]> {
  const client = new Client({ connectionString: api.pipeline.database.url });
  client.on('error', () => {});
  await client.connect();
  const insert = insertInto(list);
  const written: string[] = [];
  for (const [n, ms] of openMs.entries()) {
    let id = oddId(list.prefix, n);
    await client.query('BEGIN');
    if (list.write === undefined) await client.query(insert, [id]);
    else id = await list.write(client);
    await sleep(ms);
    if (dies) {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      await api.deps.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      break;
    }
    await client.query('COMMIT');
    written.push(fromUuid(list.prefix, id));
  }
  await client.end().catch(() => {});
  return written;
}

/** Follows a list while it is written to. @returns what was stored, and what the follower saw, each sorted */
async function followWhileWritten(list: List): Promise<{ path: string; stored: string[]; seen: string[] }> {
  const { path, table, prefix } = list;
  const { rows } = await api.deps.pool.query<{ id: string }>(`SELECT id FROM ${table}`);
  const before = rows.map(({ id }) => fromUuid(prefix, id));
  let expected = Number.POSITIVE_INFINITY;
  const short = Array.from({ length: ROWS_OF_EACH_WRITER }, (_, n) => n % 7);
  const writers = Promise.all([
    write(list, short),
    write(list, [...short, 500]),
    write(list, [1_500]),
    write(list, [200], true),
  ]);
  const url = path.replace('{payment}', fromUuid('pay', of.payment ?? ''));
  const reader = followUntil(api, `${url}?follow=true&limit=20`, () => expected);
  const stored = [...before, ...(await writers).flat()];
  expected = stored.length;
  return { path, stored: stored.sort(), seen: (await reader).sort() };
}

test('who follows a list sees each entry once, whatever its ids are, whatever stays open and whatever dies', async () => {
  for (const { path, seen, stored } of await Promise.all(LISTS.map(followWhileWritten))) {
    expect({ path, ids: seen }).toEqual({ path, ids: stored });
  }
});

test.each([
  ['of a payment', () => `/v1/payments?orderId=${fromUuid('ord', of.order ?? '')}`, 'payments'],
  ['of a state', () => '/v1/orders?state=created', 'orders'],
])('a list %s is followed too, to its end', async (_name, path, table) => {
  const { rows } = await api.deps.pool.query<{ count: number }>(`SELECT count(*)::int FROM ${table}`);
  const count = rows[0]?.count ?? 0;
  expect(await followUntil(api, `${path()}&follow=true&limit=250`, () => count)).toHaveLength(count);
});

/** Lists that are no logs, and why. What a list is not, its description says by not having the parameter. */
const NOT_FOLLOWED: Record<string, string> = {
  listTenants: 'few, and set up by hand',
  listApiKeys: 'few, and set up by hand; the audit log has what becomes of them',
  listEventTypes: 'a catalogue by name',
  listEndpoints: 'set up by hand, and changed in place: what counts is how they are now',
  listInboundSources: 'set up by hand, and changed in place: what counts is how they are now',
  listInboundEvents: 'what becomes of each is a message, whose list can be followed',
  listSubscribers: 'changed in place: what counts is how they are now; `preference.changed` tells of each change',
  listDestinations: 'a few of one subscriber',
  listSubscriberExports: 'asked for by hand, and changed in place: what counts is where they stand now',
  listSuppressions: 'changed in place: what counts is how they are now; `preference.changed` tells of each change',
  listBulkSuppressions: 'asked for by hand, and changed in place: what counts is where they stand now',
  listBulkSuppressionRows: 'fixed once they have arrived; what becomes of each is told when all are done',
  listCategories: 'a catalogue by key',
  listTopics: 'a catalogue by key',
  listNotifications: 'asked for by who lists them, and changed in place: what counts is what has become of each',
  listTemplates: 'a catalogue by key',
  listInbox: 'shown to somebody, newest first, and changed in place',
  listMerchants: 'set up by hand, and changed in place: what counts is how they are now',
  listSetAsideMerchants: 'shrinks again: what counts is who is on it now',
  listSettlements: 'has one entry a day and is ordered by days',
  listReplays: 'asked for by hand, and changed in place: what counts is where they stand now',
  listAttempts: 'has one entry an attempt of one delivery, and ends with it',
  listReconciliationItems: 'written at once with its reconciliation, and never again',
};

test('each list can be followed, or is no log', async () => {
  const { body } = await api.call('GET', '/openapi.json', { key: null });
  const lists = Object.values(body.paths as Record<string, Record<string, Operation>>).flatMap((path) => {
    const { get } = path;
    return get?.parameters?.some(({ name }) => name === 'cursor') ? [get] : [];
  });
  const closed = lists.filter(({ parameters }) => !parameters?.some(({ name }) => name === 'follow'));
  expect(closed.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(NOT_FOLLOWED).sort());
});

interface Operation {
  operationId: string;
  parameters?: { name: string }[];
}

test('rows of before have places by the time when they were stored, and cursors of before go on', async () => {
  const { pool } = api.deps;
  const file = path.resolve(__dirname, '../../../infra/postgres/migrations/0025_places_in_lists.sql');
  const [up = '', down = ''] = readFileSync(file, 'utf8').split('-- Down Migration');
  await pool.query(`BEGIN; ${down}; ${up}; COMMIT`);
  for (const [table, stored] of Object.entries(STORED_AT)) {
    const { rows } = await pool.query<{ place: string; stored: Date }>(
      `SELECT place, ${stored} AS stored FROM ${table}`,
    );
    const placed = rows.map(({ place }) => Number.parseInt(place.replace('-', '').slice(0, 12), 16));
    expect({ table, placed }).toEqual({ table, placed: rows.map(({ stored }) => stored.getTime()) });
  }
  for (const table of ['dead_letters', 'payments', 'chargebacks']) {
    const { rows } = await pool.query(`SELECT bool_and(place = id) AS same FROM ${table}`);
    expect({ table, same: rows[0].same }).toEqual({ table, same: true });
  }
});

/** Of lists that could not be followed before. */
const STORED_AT = {
  orders: 'created_at',
  refunds: 'created_at',
  wallets: 'created_at',
  payment_approvals: 'created_at',
  ledger_transactions: 'recorded_at',
  payouts: 'sent_at',
  reconciliation_runs: 'created_at',
};
