import { newId, toUuid } from '../../core/ids';
import { addDays } from '../../domains/merchants/rules/business-day';
import type { TestApi } from './api-support';
import { insertBusiness, insertFeeSchedule, insertMerchant } from './finance';
import { insertEndpoint } from './fixtures';
import { insertOneNotification } from './notifications';
import { insertOnePayment } from './payments';
import { insertSettledDay } from './settled-day';

/** The resource that a path is about: `endpoints` of `/v1/endpoints/{id}`. */
export function resourceOf(path: string): string {
  return /^\/(?:v1|api\/v2\/finance)\/([\w-]+)/.exec(path)?.[1] ?? '';
}

/**
 * One row of everything that can be addressed by id, in the tenant of the test.
 *
 * @returns ids by resource and parameter, such as `deliveries.attemptId`
 */
export async function insertOneOfEach(api: TestApi): Promise<Record<string, string>> {
  const { pool, keyring } = api.deps;
  const tenant = toUuid(api.tenantId);
  const endpoint = await insertEndpoint(pool, keyring, api.tenantId, { url: 'https://example.com/' });
  const ids = {
    message: newId('msg'),
    delivery: newId('dlv'),
    attempt: newId('att'),
    deadLetter: newId('dl'),
  };
  const [message, delivery, attempt, letter] = Object.values(ids).map(toUuid);
  const endpointId = toUuid(endpoint.id);
  await pool.query(
    `INSERT INTO messages (id, tenant_id, event_type, body, created_at) VALUES ($1, $2, 'a.b', '{"data":1}', now())`,
    [message, tenant],
  );
  await pool.query(
    `INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, workflow_id, created_at, updated_at)
     VALUES ($1, $2, $3, $4, 'a.b', 'dead', 'w', now(), now())`,
    [delivery, tenant, message, endpointId],
  );
  await pool.query(
    `INSERT INTO attempts (delivery_id, id, number, trigger, started_at, duration_ms, outcome)
     VALUES ($1, $2, 1, 'accept', now(), 5, 'failed')`,
    [delivery, attempt],
  );
  await pool.query(
    `INSERT INTO dead_letters (id, tenant_id, delivery_id, message_id, endpoint_id, event_type, reason, attempts, created_at)
     VALUES ($1, $2, $3, $4, $5, 'a.b', 'exhausted', 5, now())`,
    [letter, tenant, delivery, message, endpointId],
  );
  const replay = newId('rpl');
  await pool.query(
    `INSERT INTO replays (id, tenant_id, action, source, filter, actor, state)
     VALUES ($1, $2, 'replay', 'deliveries', '{"states":["dead"],"eventTypes":[]}', 'key_of_test', 'completed')`,
    [toUuid(replay), tenant],
  );
  const bulk = newId('blk');
  await pool.query(
    `INSERT INTO bulk_suppressions (id, tenant_id, state, reason, note, dry_run, actor, ended_at)
     VALUES ($1, $2, 'completed', 'legal', 'n', false, 'key_of_test', now())`,
    [toUuid(bulk), tenant],
  );
  const name = `owned.${newId('att')}`;
  await api.call('POST', '/v1/event-types', { body: { name } });
  const keys = await api.call('GET', '/v1/api-keys');
  const source = await insertSource(api);
  const somebody = await insertSomebody(api);
  return {
    ...(await settleOneDay(api)),
    ...(await insertOnePayment(api.deps.pool, api.tenantId)),
    'endpoints.id': endpoint.id,
    'messages.id': ids.message,
    'deliveries.id': ids.delivery,
    'deliveries.attemptId': ids.attempt,
    'dead-letters.id': ids.deadLetter,
    'replays.id': replay,
    'bulk-suppressions.id': bulk,
    'event-types.name': name,
    'api-keys.id': keys.body.data[0].id,
    ...source,
    ...somebody,
    ...(await insertOneNotification(api, somebody['subscribers.id'] ?? '')),
  };
}

/** A subscriber with an address, a category with a topic in another, and a suppression. */
async function insertSomebody(api: TestApi): Promise<Record<string, string>> {
  const make = async (path: string, body: object) => (await api.call('POST', path, { body })).body;
  const [name, address] = [newId('sub'), { channel: 'email', address: `${newId('dst')}@example.com` }];
  const { id } = await make('/v1/subscribers', { externalId: name });
  const destination = await make(`/v1/subscribers/${id}/destinations`, address);
  const category = await make('/v1/categories', { key: name, name, policy: 'opt_out', commercial: false });
  await make('/v1/categories', { key: `${name}-2`, name, policy: 'opt_out', commercial: false });
  const topic = await make('/v1/topics', { key: name, name, category: `${name}-2` });
  const suppression = await make('/v1/suppressions', { ...address, reason: 'admin_action' });
  return {
    'subscribers.id': id,
    'subscribers.destinationId': destination.id,
    'subscribers.exportId': (await make(`/v1/subscribers/${id}/exports`, {})).id,
    'categories.key': category.key,
    'topics.key': topic.key,
    'suppressions.id': suppression.id,
  };
}

/** A source with an event that has failed and two secrets, so that one may be removed. */
async function insertSource(api: TestApi): Promise<Record<string, string>> {
  const route = { to: 'handler', handler: 'keep' };
  const { body: source } = await api.call('POST', '/v1/inbound/sources', {
    body: { name: 's', scheme: 'github', route },
  });
  const { body: secret } = await api.call('POST', `/v1/inbound/sources/${source.id}/secrets`);
  const eventId = newId('inb');
  await api.deps.pool.query(
    `INSERT INTO inbound_events (id, tenant_id, source_id, key, state, workflow_id, headers, body, body_size, created_at)
     VALUES ($1, $2, $3, 'k', 'failed', 'w', '{}', 'x', 1, now())`,
    [toUuid(eventId), toUuid(api.tenantId), toUuid(source.id)],
  );
  return { 'inbound.id': source.id, 'inbound.secretId': secret.id, 'inbound.eventId': eventId };
}

let lastDate = '2026-01-01';

async function settleOneDay(api: TestApi): Promise<Record<string, string>> {
  const { pool } = api.deps;
  lastDate = addDays(lastDate, 1);
  await insertBusiness(pool, api.tenantId);
  const merchantId = (await insertMerchant(pool, api.tenantId)).id;
  const transactions = [{ merchantId, kind: 'capture', reference: lastDate, currency: 'EUR', amount: 100n } as const];
  const { runId, transactionIds } = await insertSettledDay(pool, api.tenantId, { date: lastDate, transactions });
  const payoutId = newId('out');
  await pool.query(
    `INSERT INTO payouts (id, tenant_id, run_id, merchant_id, currency, business_date, amount, sent_at)
     VALUES ($1, $2, $3, $4, 'EUR', $5, 100, now())`,
    [toUuid(payoutId), toUuid(api.tenantId), toUuid(runId), toUuid(merchantId), lastDate],
  );
  const reconciliation = await api.call('POST', `/api/v2/finance/settlement/${lastDate}/reconciliation`, {
    body: 'reference,currency,amount\n',
    headers: { 'content-type': 'text/csv' },
  });
  return {
    'settlement.date': lastDate,
    'settlement.merchantId': merchantId,
    'settlement.id': reconciliation.body.id,
    'settlement.payoutId': payoutId,
    'merchants.id': merchantId,
    'ledger.id': transactionIds[0] ?? '',
    'fee-schedules.id': (await insertFeeSchedule(pool, api.tenantId, { merchantId })).id,
  };
}
