/**
 * First words of the types of Waybill's own events. No tenant can publish or describe a type that begins so, which is why a
 * receiver may believe it. Types that fit none of these begin with `waybill.`: a word that is added here later would take
 * types from tenants who use them.
 */
export const SYSTEM_NAMESPACES = [
  'audit',
  'chargeback',
  'delivery',
  'endpoint',
  'ledger',
  'payment',
  'payout',
  'preference',
  'reconciliation',
  'refund',
  'settlement',
  'waybill',
] as const;

/** The type of the test event. */
export const TEST_EVENT_TYPE = 'waybill.test';

/** The type of a notification that goes to a subscriber's endpoint. */
export const NOTIFICATION_EVENT_TYPE = 'waybill.notification';

/** Every type of Waybill's own events. */
export const SYSTEM_EVENT_TYPES = [
  'payment.captured',
  'payment.declined',
  'payment.failed',
  'payment.needs_review',
  'refund.succeeded',
  'refund.failed',
  'refund.needs_review',
  'refund.written_off',
  'chargeback.opened',
  'chargeback.won',
  'chargeback.lost',
  'chargeback.partly_won',
  'chargeback.dismissed',
  'chargeback.needs_review',
  'settlement.completed',
  'settlement.failed',
  'settlement.needs_review',
  'settlement.overdue',
  'settlement.merchant_set_aside',
  'settlement.payout_returned',
  'settlement.payouts_overdue',
  'endpoint.failing',
  'endpoint.recovered',
  'endpoint.disabled',
  'delivery.failing',
  'delivery.exhausted',
  'delivery.recovered',
  'preference.changed',
  'preference.bulk_suppression_ended',
  NOTIFICATION_EVENT_TYPE,
  TEST_EVENT_TYPE,
] as const satisfies readonly `${(typeof SYSTEM_NAMESPACES)[number]}.${string}`[];

/** The type of one of Waybill's own events. */
export type SystemEventType = (typeof SYSTEM_EVENT_TYPES)[number];

/**
 * Whether an event is about webhooks themselves. Such events go only to endpoints that name them or their namespace: an
 * endpoint that takes everything has not asked to hear of the others' troubles. And none is ever about one of these.
 */
export function isOperational(eventType: string): boolean {
  return eventType.startsWith('endpoint.') || eventType.startsWith('delivery.');
}

const NAMESPACES: ReadonlySet<string> = new Set(SYSTEM_NAMESPACES);

/** Whether an event type is one of Waybill's own, or may become one. Letters count alike in either case. */
export function isSystemEventType(eventType: string): boolean {
  const dot = eventType.indexOf('.');
  return NAMESPACES.has((dot === -1 ? eventType : eventType.slice(0, dot)).toLowerCase());
}

/** The ids of Waybill's own events: `pay_…:payment.captured`, `settlement.completed/set_…`. */
const SYSTEM_EVENT_ID = /^(?:[a-z]+_[0-9a-f]{32}:([a-z]+)\.[a-z_]+(?::|$)|([a-z]+)\.[a-z_]+\/)/i;

/** Whether an event id is, or may become, that of one of Waybill's own events. */
export function isSystemEventId(eventId: string): boolean {
  const match = SYSTEM_EVENT_ID.exec(eventId);
  const namespace = match?.[1] ?? match?.[2];
  return namespace !== undefined && NAMESPACES.has(namespace.toLowerCase());
}

/**
 * The key that keeps an event from being stored twice. That of Waybill's own events is none that a publisher can give: an
 * event that they have not stored is never taken for stored.
 */
export function eventKey(eventType: string, eventId: string): string {
  return `${isSystemEventType(eventType) ? 'system' : 'event'}:${eventId}`;
}
