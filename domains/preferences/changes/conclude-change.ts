import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { conflictMetrics, createCoveredOutbox, type OwnEvent } from '../../webhooks';
import type { PreferenceChangedData } from '../event-payloads';
import type { Channel } from '../rules/channels';
import { concludeChange, findChange, type PreferenceChange, readConcerned } from '../store/changes';
import { findConsent } from '../store/consent';

/** Whom a change concerns, a page of them. */
export interface Concerned {
  subscriberIds: PublicId[];
  /** Pass it on for the next page; null on the last one. */
  next: PublicId | null;
}

const PAGE = 100;

/** Reads whom a change concerns. @param after - the `next` of the page before; null for the first */
export async function concernedBy(
  { pool }: Pick<Platform, 'pool'>,
  changeId: PublicId,
  after: PublicId | null,
): Promise<Concerned> {
  const subscriberIds = await readConcerned(pool, changeId, after ?? undefined, PAGE);
  return { subscriberIds, next: subscriberIds.length < PAGE ? null : (subscriberIds.at(-1) ?? null) };
}

/**
 * Ends a change: publishes `preference.changed` to the tenant's endpoints, tells the audit log, and marks the change done, all
 * or nothing.
 *
 * @returns false when it was done already
 */
export async function concludePreferenceChange(platform: Platform, changeId: PublicId): Promise<boolean> {
  const { pool, client, config, log, metrics } = platform;
  const change = await findChange(pool, changeId);
  if (change === undefined) return false;
  const outbox = createCoveredOutbox({ client, config, log, metrics: metrics.of(conflictMetrics) });
  return outbox.storing((store) =>
    inTransaction(pool, async (db) => {
      if (!(await concludeChange(db, changeId))) return false;
      await store(db, [changedEvent(change)]);
      await tellAudit(db, change);
      return true;
    }),
  );
}

/** With the end of the consent log at that time, against which it can be held. */
async function tellAudit(db: Queryable, change: PreferenceChange): Promise<void> {
  const { id: changeId, tenantId, subscriberId, consentSeq, kind, summary, version } = change;
  if (subscriberId === undefined || consentSeq === undefined) return;
  const entry = await findConsent(db, subscriberId, consentSeq);
  // An entry that somebody has removed: verification says so, and it stops nobody's business.
  const consent = entry === undefined ? null : { seq: entry.seq, hash: entry.hash };
  const payload = { changeId, ...summary, version, committedAt: entry?.at ?? null, consent };
  const actor = entry?.actor ?? 'unknown';
  await appendAudit(db, tenantId, { actor, action: `preferences.${kind}`, subject: subscriberId, payload });
}

function changedEvent({
  id,
  tenantId,
  kind,
  subscriberId,
  suppressionId,
  version,
  summary,
  createdAt,
}: PreferenceChange): OwnEvent {
  const payload: PreferenceChangedData = {
    changeId: id,
    kind,
    subscriberId: subscriberId ?? null,
    suppressionId: suppressionId ?? null,
    version: version ?? null,
    choices: summary.choices ?? [],
    ...(summary.quietHours === undefined
      ? {}
      : {
          quietHours: summary.quietHours && {
            ...summary.quietHours,
            channels: channelsOf(summary.quietHours.channels),
          },
        }),
    channel: summary.channel ?? null,
    scope: summary.scope ?? null,
    reason: summary.reason ?? null,
    at: createdAt.toISOString(),
  };
  return { tenantId, eventType: 'preference.changed', eventId: `${id}:preference.changed`, payload };
}

function channelsOf(channels: readonly Channel[] | null): Channel[] | null {
  return channels && [...channels];
}
