import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { BacklogStarter } from '../backlog/backlog-starter';
import { webhooksConfig } from '../config';
import type { TrippedCircuit } from '../delivery/delivery-recorder';
import { webhookMetrics } from '../metrics';
import { TRY_NOW } from '../rules/workflow-names';
import { type Recovering, startRecovery } from '../start';
import { claimWantedProbe, openCircuit, readCircuit } from '../store/circuits';
import { concludeProbe, type Probed } from './conclude-probe';

/** Opens circuits, and makes sure that they have their workflows. */
export interface Circuits {
  /** What is counted of an endpoint says that its circuit is to open. Called for every failure while it is. */
  tripped(circuit: TrippedCircuit): void;
  /** Starts the workflow of a circuit that is not closed, in its turn. */
  attend(recovering: Recovering): void;
  /** Whether this process is to try a delivery that fails over at its endpoint first. */
  claimProbe(endpointId: PublicId): Promise<boolean>;
  /** Such a try has ended. Never rejects. */
  probed(probe: Probed): Promise<void>;
  /** Resolves when every circuit is open, and its workflow started or left to the sweep. */
  drain(): Promise<void>;
}

/** Failures that come right after one another ask the database once. */
const ASKED_FOR_MS = 1_000;
const MAX_REMEMBERED = 10_000;

/** How much longer than the endpoint's timeout a probe may take until it counts as given up. */
export const CLAIM_SLACK_MS = 15_000;

/** The process's circuits. They are opened before the process closes. */
export function openCircuits(platform: Platform): Circuits {
  return platform.once(open);
}

function open(platform: Platform): Circuits {
  const { pool, log, metrics, settings } = platform;
  const asked = new LRUCache<PublicId, true>({ max: MAX_REMEMBERED, ttl: ASKED_FOR_MS });
  // Many endpoints may fail together, and Temporal has other work.
  const starter = new BacklogStarter({ start: (recovering) => startRecovery(platform, recovering), log });
  const opening = new Set<Promise<void>>();

  async function openOne({ endpointId, tenantId, reason, lastError }: TrippedCircuit): Promise<void> {
    const firstProbeMs = settings.of(webhooksConfig).WAYBILL_CIRCUIT_FIRST_PROBE;
    const incident = randomUUID();
    if (!(await openCircuit(pool, { endpointId, incident, reason, lastError, firstProbeMs }))) return;
    metrics.of(webhookMetrics).circuitsOpened.inc({ reason });
    log.warn({ endpointId, tenantId, reason, error: lastError }, 'circuit opened: deliveries are held');
    starter.moved({ endpointId, tenantId });
  }

  const circuits: Circuits = {
    tripped(circuit) {
      const { endpointId } = circuit;
      if (asked.has(endpointId)) return;
      asked.set(endpointId, true);
      const done = openOne(circuit)
        // The next failure asks again; a circuit that is open without its workflow is found by the sweep.
        .catch((error: unknown) => log.warn({ err: error, endpointId }, 'could not open a circuit'))
        .finally(() => opening.delete(done));
      opening.add(done);
    },
    attend: (recovering) => starter.moved(recovering),
    claimProbe: (endpointId) => claimWantedProbe(pool, endpointId, CLAIM_SLACK_MS),
    probed: (probe) =>
      concludeProbe(platform, probe).catch((error: unknown) =>
        log.warn({ err: error, endpointId: probe.endpointId }, 'could not record a probe; the next one comes later'),
      ),
    async drain() {
      while (opening.size > 0) await Promise.all(opening);
      await starter.drain();
    },
  };
  platform.onClose(circuits.drain);
  return circuits;
}

/**
 * Has an endpoint whose circuit is open tried now: it was changed, which may help. Does nothing else when Temporal cannot
 * be reached; probes go on by themselves.
 */
export async function tryCircuitNow(platform: Platform, recovering: Recovering): Promise<void> {
  if ((await readCircuit(platform.pool, recovering.endpointId))?.state !== 'open') return;
  await startRecovery(platform, recovering, TRY_NOW).catch((error: unknown) =>
    platform.log.warn({ err: error, ...recovering }, 'could not reach the workflow of a circuit'),
  );
}
