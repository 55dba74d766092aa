import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { webhooksConfig } from '../config';
import type { AttemptEnd } from '../delivery/leased-delivery';
import { storingOperational } from '../operational/outbox';
import { beginDraining, closeCircuit, endProbe, hasIncident, readCircuit } from '../store/circuits';
import { countHeld } from '../store/held-flow';
import { incidentEvent } from './incident-event';
import { nextProbeMs } from './recovery-report';

/** A probe that was made. */
export interface Probed {
  endpointId: PublicId;
  deliveryId: PublicId;
  end: AttemptEnd;
}

/** Records what came of a probe: its endpoint works again, or is tried later. */
export async function concludeProbe(platform: Platform, { endpointId, deliveryId, end }: Probed): Promise<void> {
  const { pool, settings } = platform;
  if (end.state === 'delivered') {
    if (await beginDraining(pool, endpointId)) {
      platform.log.info({ endpointId }, 'endpoint recovered: what is held for it is let go');
    }
    return;
  }
  const circuit = await readCircuit(pool, endpointId);
  if (circuit === undefined) return;
  const nextInMs = nextProbeMs(circuit, settings.of(webhooksConfig));
  const failed = end.state === 'held' || end.state === 'retrying';
  await endProbe(pool, { endpointId, deliveryId, failed, nextInMs });
}

/**
 * Everything that was held, and every dead letter that recovers, is let go: if there was an incident it is over, and whoever was told of it by webhook hears that.
 *
 * @returns false when it is not draining any more
 */
export async function closeRecovered(platform: Platform, endpointId: PublicId): Promise<boolean> {
  const { pool, log } = platform;
  const closed = await storingOperational(platform, (store) =>
    inTransaction(pool, async (client) => {
      const before = await readCircuit(client, endpointId);
      if (!(await closeCircuit(client, endpointId, ['draining']))) return false;
      if (before === undefined || !hasIncident(before)) return true;
      const circuit = await readCircuit(client, endpointId);
      if (circuit?.escalated.includes('webhook') === true) {
        const event = incidentEvent(circuit, 'endpoint.recovered', await countHeld(client, endpointId));
        if (event !== undefined) await store(client, [event]);
      }
      return true;
    }),
  );
  if (closed) log.info({ endpointId }, 'circuit closed: the endpoint has taken what was held for it');
  return closed;
}
