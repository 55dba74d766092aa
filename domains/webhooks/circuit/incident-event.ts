import { fromUuid } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { conflictMetrics } from '../publishing/event-conflict';
import { createCoveredOutbox, type EventOutbox } from '../publishing/event-outbox';
import type { OwnEvent } from '../publishing/publish-event';
import type { Circuit } from '../store/circuits';

/** The outbox for events about webhooks: workflows attempt them, as other processes' events. */
export function operationalOutbox(platform: Platform): EventOutbox {
  const { client, config, log, metrics } = platform;
  return createCoveredOutbox({ client, config, log, metrics: metrics.of(conflictMetrics) });
}

/** What is told of an incident. @returns undefined when there is none */
export function incidentEvent(
  circuit: Circuit,
  eventType: 'endpoint.failing' | 'endpoint.recovered',
  held: number,
): OwnEvent | undefined {
  const { endpointId, tenantId, url, incident, openedAt, reason, lastError } = circuit;
  if (incident === undefined || openedAt === undefined) return undefined;
  const incidentId = fromUuid('inc', incident);
  return {
    tenantId,
    eventType,
    eventId: `${eventType}/${incidentId}`,
    payload: {
      endpointId,
      url,
      incidentId,
      since: openedAt.toISOString(),
      reason,
      lastError: lastError ?? null,
      held,
    },
  };
}
