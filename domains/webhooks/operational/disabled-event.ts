import type { PublicId } from '../../../core/ids';
import type { OwnEvent } from '../publishing/publish-event';

/** An endpoint that was disabled. */
export interface DisabledEndpoint {
  id: PublicId;
  tenantId: PublicId;
  url: string;
  /** The version at which it is disabled. */
  version: number;
  reason: string | undefined;
}

/** What is told of an endpoint that was disabled. */
export function disabledEvent({ id, tenantId, url, version, reason }: DisabledEndpoint): OwnEvent {
  return {
    tenantId,
    eventType: 'endpoint.disabled',
    eventId: `endpoint.disabled/${id}.${version}`,
    payload: { endpointId: id, url, reason: reason ?? null },
  };
}
