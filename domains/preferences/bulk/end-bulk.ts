import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { conflictMetrics, createCoveredOutbox, type OwnEvent, type StoreEvents } from '../../webhooks';
import type { BulkSuppressionEndedData } from '../event-payloads';
import { preferenceMetrics } from '../metrics';
import { bulkProgressOf } from '../rules/bulk';
import { type BulkSuppression, recordBulkStep } from '../store/bulk-suppressions';
import { bulkRecord } from './approve-bulk';

/** How a bulk suppression that had begun, or waited, may end. */
export type BulkEnd = 'completed' | 'cancelled' | 'failed';

/** Ends one within a transaction. */
export type EndBulk = (bulk: BulkSuppression, end: BulkEnd, why?: string) => Promise<BulkSuppression>;

/**
 * Runs a transaction that may end a bulk suppression which it has locked: its state, the entry in the audit log and the event
 * for the tenant's endpoints are stored together.
 */
export async function endingBulk<T>(
  platform: Platform,
  transaction: (db: Queryable, end: EndBulk) => Promise<T>,
): Promise<T> {
  const { pool, client, config, log, metrics } = platform;
  const outbox = createCoveredOutbox({ client, config, log, metrics: metrics.of(conflictMetrics) });
  const ended: string[] = [];
  const result = await outbox.storing((store) =>
    inTransaction(pool, (db) =>
      transaction(db, async (bulk, end, why) => {
        ended.push(bulk.dryRun && end === 'completed' ? 'dry_run' : end);
        return endIn(db, store, bulk, { end, why });
      }),
    ),
  );
  for (const outcome of ended) metrics.of(preferenceMetrics).bulkEnded.inc({ outcome });
  return result;
}

async function endIn(
  db: Queryable,
  store: StoreEvents,
  bulk: BulkSuppression,
  { end, why }: { end: BulkEnd; why: string | undefined },
): Promise<BulkSuppression> {
  const { id, tenantId, actor } = bulk;
  const ended = await recordBulkStep(db, id, { state: end, ...(why === undefined ? {} : { lastError: why }) });
  await store(db, [endedEvent(tenantId, ended)]);
  const { counts, appliedTo: done, stoppedSends } = ended;
  const payload = { ...bulkRecord(ended), state: end, done, ...counts, stoppedSends };
  await appendAudit(db, tenantId, { actor, action: 'suppression.bulk_ended', subject: id, payload });
  return ended;
}

function endedEvent(tenantId: PublicId, bulk: BulkSuppression): OwnEvent {
  const { id, state, reason, dryRun, endedAt } = bulk;
  const payload: BulkSuppressionEndedData = {
    bulkSuppressionId: id,
    state: state === 'completed' || state === 'cancelled' ? state : 'failed',
    reason,
    dryRun,
    ...bulkProgressOf(bulk),
    at: (endedAt ?? new Date()).toISOString(),
  };
  const eventType = 'preference.bulk_suppression_ended';
  return { tenantId, eventType, eventId: `${id}:${eventType}`, payload };
}
