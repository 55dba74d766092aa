import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { conflictMetrics, createCoveredOutbox, type OwnEvent } from '../../webhooks';
import type { PreferenceChangedData } from '../event-payloads';
import type { Channel } from '../rules/channels';
import { concludeChange, findChange, type PreferenceChange, readConcerned } from '../store/changes';

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
 * Ends a change: publishes `preference.changed` to the tenant's endpoints and marks the change done, both or neither.
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
      return true;
    }),
  );
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
