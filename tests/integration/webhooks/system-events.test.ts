import { newId, toUuid } from '../../../core/ids';
import { type OwnEvent, SYSTEM_EVENT_TYPES, SYSTEM_NAMESPACES, storeEvent } from '../../../domains/webhooks';
import { conflictMetrics, reportConflict } from '../../../domains/webhooks/publishing/event-conflict';
import { isSystemEventId, isSystemEventType } from '../../../domains/webhooks/rules/system-events';
import { createPaymentApi, type PaymentApi } from '../../support/payments-support';

let api: PaymentApi;
beforeAll(async () => {
  api = await createPaymentApi();
});
afterAll(() => api.close());

const TYPES = [...SYSTEM_EVENT_TYPES, ...SYSTEM_NAMESPACES.map((namespace) => `${namespace}.to_come`)];
const SUBJECT = `pay_${'0'.repeat(31)}7`;

async function messages(eventId: string): Promise<{ event_type: string; body: string }[]> {
  const { rows } = await api.deps.pool.query(
    'SELECT event_type, body FROM messages WHERE tenant_id = $1 AND event_id = $2',
    [toUuid(api.tenantId), eventId],
  );
  return rows;
}

const publish = (body: object) => api.call('POST', '/v1/messages', { body: { payload: {}, ...body } });

describe.each(TYPES)('%s', (type) => {
  test.each([type, type.toUpperCase()])('cannot be published by a tenant: %s', async (eventType) => {
    const answer = await publish({ eventType });
    expect([answer.status, answer.body.errors]).toEqual([
      422,
      [{ in: 'body', pointer: '#/eventType', detail: expect.stringContaining("Waybill's own") }],
    ]);
  });

  test.each([`${SUBJECT}:${type}`, `${SUBJECT}:${type}:2`, `${type}/${SUBJECT}`])(
    'has event ids that a tenant cannot occupy: %s',
    async (eventId) => {
      const answer = await publish({ eventType: 'order.created', eventId });
      expect([answer.status, answer.body.errors]).toEqual([
        422,
        [{ in: 'body', pointer: '#/eventId', detail: expect.stringContaining("Waybill's own") }],
      ]);
      expect(await messages(eventId)).toEqual([]);
    },
  );

  test('cannot be described by a tenant', async () => {
    const answer = await api.call('POST', '/v1/event-types', { body: { name: type, description: 'ours' } });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, '#/name']);
  });
});

describe.each(SYSTEM_EVENT_TYPES)('%s by Waybill itself', (eventType) => {
  const event = (payload: object): OwnEvent => ({
    tenantId: api.tenantId,
    eventType,
    payload,
    eventId: `${newId('pay')}:${eventType}`,
  });

  test('is stored although a tenant took its id while that could be done', async () => {
    const real = event({ real: true });
    const { tenantId, eventId } = real;
    const taken = { tenantId, eventId, eventType: 'order.created', data: '{}', channels: [] };
    expect(await api.deps.publisher.publish(taken)).toMatchObject({ outcome: 'accepted', duplicate: false });
    expect((await storeEvent(api.deps.pool, real)).conflictsWith).toBeUndefined();
    expect((await messages(eventId)).map(({ event_type }) => event_type).sort()).toEqual(
      ['order.created', eventType].sort(),
    );
  });

  test('is stored once, and another one with its id is logged and counted', async () => {
    const first = event({ n: 1 });
    expect((await storeEvent(api.deps.pool, first)).conflictsWith).toBeUndefined();
    expect((await storeEvent(api.deps.pool, first)).conflictsWith).toBeUndefined();
    const conflict = await storeEvent(api.deps.pool, { ...first, payload: { n: 2 } });
    expect(conflict.conflictsWith).toMatch(/^msg_/);
    expect(await messages(first.eventId)).toHaveLength(1);

    const metrics = api.deps.metrics.of(conflictMetrics);
    const error = jest.spyOn(api.deps.log, 'error').mockImplementation(() => {});
    reportConflict({ log: api.deps.log, metrics }, conflict);
    expect(error).toHaveBeenCalledWith(
      expect.objectContaining({ eventType, eventId: first.eventId }),
      expect.any(String),
    );
    error.mockRestore();
    const { values } = await metrics.eventConflicts.get();
    expect(values.find(({ labels }) => labels.type === eventType)?.value).toBe(1);
  });
});

test('what payments and refunds tell is of those types, under ids that no tenant can take', async () => {
  const { body: paid } = await api.payByCard('tok_ok');
  await api.post(`/v1/payments/${paid.id}/refunds`, { amount: '100' });
  await api.payByCard('tok_declined');
  const { rows } = await api.deps.pool.query<{ event_type: string; event_id: string; key: string }>(
    `SELECT m.event_type, m.event_id, k.key FROM messages m JOIN message_keys k ON k.message_id = m.id
     WHERE m.tenant_id = $1 AND m.body LIKE '%"merchantId":%' OR m.event_type LIKE 'refund.%' AND m.body LIKE $2`,
    [toUuid(api.tenantId), `%${paid.id}%`],
  );
  expect(rows.map(({ event_type }) => event_type).sort()).toEqual([
    'payment.captured',
    'payment.declined',
    'refund.succeeded',
  ]);
  for (const { event_type, event_id, key } of rows) {
    expect(SYSTEM_EVENT_TYPES).toContain(event_type);
    expect([isSystemEventType(event_type), isSystemEventId(event_id), key]).toEqual([true, true, `system:${event_id}`]);
  }
});
