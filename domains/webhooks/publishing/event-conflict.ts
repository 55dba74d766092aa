import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../../../infra/log';
import type { StoredEvent } from './publish-event';

const NAME = 'webhook_system_event_conflicts_total';

/** What every domain with events of its own counts in one metric. */
export interface ConflictMetrics {
  eventConflicts: Counter<'type'>;
}

/** Made once in a registry, whichever domain asks first. */
export function conflictMetrics(registry: Registry): ConflictMetrics {
  const known = registry.getSingleMetric(NAME) as Counter<'type'> | undefined;
  const eventConflicts =
    known ??
    new Counter({
      name: NAME,
      help: "Waybill's own events that were not stored, because another with the same id and other content was. A fault.",
      labelNames: ['type'] as const,
      registers: [registry],
    });
  return { eventConflicts };
}

/** An event, and the message that has its id. */
export type EventOfConflict = Pick<StoredEvent, 'tenantId' | 'eventType' | 'eventId' | 'conflictsWith'>;

/** Logs and counts an event whose id another event has. Tenants cannot take such an id, so it is a fault of ours. */
export function reportConflict(
  { log, metrics }: { log: Logger; metrics: ConflictMetrics },
  { tenantId, eventType, eventId, conflictsWith }: EventOfConflict,
): void {
  if (conflictsWith === undefined) return;
  metrics.eventConflicts.inc({ type: eventType });
  log.error({ tenantId, eventType, eventId, conflictsWith }, 'an event was not stored: another one has its id');
}
