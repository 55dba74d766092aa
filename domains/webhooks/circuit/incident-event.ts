import { fromUuid } from '../../../core/ids';
import type { OwnEvent } from '../publishing/publish-event';
import type { Circuit } from '../store/circuits';

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
