import { fromUuid, type PublicId } from '../../../core/ids';
import { fillJsonTemplate } from '../../../core/json-template';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { webhooksConfig } from '../config';
import { type AlertChannel, postAlert } from '../escalation/post-alert';
import { storingOperational } from '../operational/outbox';
import { dueLevels, type EscalationLevel } from '../rules/circuit';
import { type Circuit, noteEscalation, readCircuit } from '../store/circuits';
import { countHeld } from '../store/held-flow';
import { incidentEvent } from './incident-event';
import { escalationTimes } from './recovery-report';

/** What an alert says. */
type AlertKind = 'failing' | 'recovered' | 'ended';

/**
 * Tells those who are to be told by now that an endpoint has been failing, each once an incident.
 *
 * @throws AlertNotSent when one could not be told; the others are
 */
export async function escalate(platform: Platform, endpointId: PublicId): Promise<void> {
  const circuit = await readCircuit(platform.pool, endpointId);
  if (circuit === undefined || circuit.state !== 'open' || circuit.incident === undefined) return;
  const times = escalationTimes(platform.settings.of(webhooksConfig));
  let problem: unknown;
  for (const level of dueLevels(circuit.openForMs, times, circuit.escalated).due) {
    await tellFailing(platform, circuit, level).catch((error: unknown) => {
      problem ??= error;
    });
  }
  if (problem !== undefined) throw problem;
}

async function tellFailing(platform: Platform, circuit: Circuit, level: EscalationLevel): Promise<void> {
  const { pool, log } = platform;
  const { endpointId, incident = '' } = circuit;
  const held = await countHeld(pool, endpointId);
  if (level === 'webhook') {
    const event = incidentEvent(circuit, 'endpoint.failing', held);
    await storingOperational(platform, (store) =>
      inTransaction(pool, async (client) => {
        if (event !== undefined && (await noteEscalation(client, endpointId, { incident, level }))) {
          await store(client, [event]);
        }
      }),
    );
  } else {
    await post(platform, { circuit, level, kind: 'failing', held });
    // Noted afterwards: after a crash in between it is told again, under the same key, rather than never.
    await noteEscalation(pool, endpointId, { incident, level });
  }
  log.warn({ endpointId, level }, 'an endpoint has been failing for long');
}

/**
 * Gives the all-clear to whoever was told of an incident that is over; to each once.
 *
 * @param incidentId - the incident: another may have begun meanwhile
 * @throws AlertNotSent
 */
export async function giveAllClear(platform: Platform, endpointId: PublicId, incidentId: string): Promise<void> {
  const { pool } = platform;
  const circuit = await readCircuit(pool, endpointId);
  if (circuit?.incident === undefined || fromUuid('inc', circuit.incident) !== incidentId) return;
  // Paused, disabled or deleted, it has not recovered; but nobody waits for it any more.
  const kind = circuit.endpointState === 'enabled' ? 'recovered' : 'ended';
  for (const level of ['slack', 'sms'] as const) {
    const done = `${level}-all-clear`;
    if (!circuit.escalated.includes(level) || circuit.escalated.includes(done)) continue;
    await post(platform, { circuit, level, kind, held: await countHeld(pool, endpointId) });
    await noteEscalation(pool, endpointId, { incident: circuit.incident, level: done });
  }
}

interface Alert {
  circuit: Circuit;
  level: 'slack' | 'sms';
  kind: AlertKind;
  held: number;
}

async function post(platform: Platform, { circuit, level, kind, held }: Alert): Promise<void> {
  const channel = channelOf(platform, level);
  if (channel === undefined || circuit.incident === undefined) return;
  const incidentId = fromUuid('inc', circuit.incident);
  const { endpointId, tenantId, url, openedAt, reason = '', lastError = '' } = circuit;
  const since = openedAt?.toISOString() ?? '';
  const body = fillJsonTemplate(channel.template, {
    kind,
    endpointId,
    tenantId,
    url,
    incidentId,
    since,
    reason,
    lastError,
    held,
  });
  await postAlert({ url: channel.url, token: channel.token, body, key: `${incidentId}/${level}/${kind}` });
}

function channelOf(platform: Platform, level: 'slack' | 'sms'): AlertChannel | undefined {
  const config = platform.settings.of(webhooksConfig);
  const [url, token, template] =
    level === 'slack'
      ? [config.WAYBILL_SLACK_URL, undefined, config.WAYBILL_SLACK_TEMPLATE]
      : [config.WAYBILL_SMS_URL, config.WAYBILL_SMS_TOKEN, config.WAYBILL_SMS_TEMPLATE];
  return url === undefined ? undefined : { url, token, template };
}
