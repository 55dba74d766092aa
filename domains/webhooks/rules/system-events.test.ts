import { eventKey, isSystemEventId, isSystemEventType, SYSTEM_EVENT_TYPES, SYSTEM_NAMESPACES } from './system-events';

const SUBJECT = `pay_${'0123456789abcdef'.repeat(2)}`;

test.each(SYSTEM_EVENT_TYPES)('%s and the ids of its events are Waybill’s own', (type) => {
  for (const name of [type, type.toUpperCase(), `${type}.more`, type.split('.')[0] ?? '']) {
    expect([name, isSystemEventType(name)]).toEqual([name, true]);
  }
  for (const id of [`${SUBJECT}:${type}`, `${SUBJECT}:${type}:2`, `${type}/${SUBJECT}`, `${type}/${SUBJECT}/1`]) {
    expect([id, isSystemEventId(id)]).toEqual([id, true]);
    expect(eventKey(type, id)).toBe(`system:${id}`);
    expect(eventKey('order.created', id)).toBe(`event:${id}`);
  }
});

test.each(SYSTEM_NAMESPACES)('so is all that may come in %s', (namespace) => {
  expect(isSystemEventType(`${namespace}.to_come`)).toBe(true);
  expect(isSystemEventId(`${SUBJECT}:${namespace}.to_come`)).toBe(true);
});

test.each(['order.created', 'payments.captured', 'pay', 'order.payment.captured', 'repayment.made'])(
  '%s is the tenant’s',
  (type) => expect(isSystemEventType(type)).toBe(false),
);

test.each([
  'order-1',
  'payment.123',
  'payment:1',
  SUBJECT,
  `${SUBJECT}:order.created`,
  'A/payment.captured',
  'payment/1',
])('the event id %s is the tenant’s', (id) => expect(isSystemEventId(id)).toBe(false));
