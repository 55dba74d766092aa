import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { conflictMetrics, createCoveredOutbox } from '../../webhooks';
import type { PreferenceChangedData } from '../event-payloads';
import type { ErasedCounts } from '../rules/erasure';
import { type Erasure, markErasureDone } from '../store/erasures';

/**
 * Ends an erasure: publishes `preference.changed` to the tenant's endpoints and marks the erasure done, both or neither.
 *
 * @returns what was erased; null when it was done already, or there is none
 */
export async function concludeErasure(platform: Platform, subscriberId: PublicId): Promise<ErasedCounts | null> {
  const { pool, client, config, log, metrics } = platform;
  const outbox = createCoveredOutbox({ client, config, log, metrics: metrics.of(conflictMetrics) });
  return outbox.storing((store) =>
    inTransaction(pool, async (db) => {
      const erasure = await markErasureDone(db, subscriberId);
      if (erasure === undefined) return null;
      const { tenantId, changeId } = erasure;
      const eventId = `${changeId}:preference.changed`;
      await store(db, [{ tenantId, eventType: 'preference.changed', eventId, payload: erasedData(erasure) }]);
      return erasure.counts;
    }),
  );
}

function erasedData({ changeId, subscriberId, version, requestedAt }: Erasure): PreferenceChangedData {
  return {
    changeId,
    kind: 'erased',
    subscriberId,
    suppressionId: null,
    version,
    choices: [],
    channel: null,
    scope: null,
    reason: null,
    at: requestedAt.toISOString(),
  };
}
