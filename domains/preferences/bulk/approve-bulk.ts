import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Commands } from '../../approvals';
import { preferenceMetrics } from '../metrics';
import { PreferenceRefusal } from '../refusals';
import { startBulkWorkflow } from '../start';
import { type BulkSuppression, lockBulk, recordBulkStep } from '../store/bulk-suppressions';

/** Its name among the commands that may need another API key. */
export const BULK_COMMAND = 'suppression.bulk';
/** What the audit log calls its beginning. */
export const STARTED = 'suppression.bulk_started';
/** The code of ISO 4217 for what is not about money: rows are counted. */
export const NO_MONEY = 'XXX';

/** Bulk suppressions that another API key has approved. */
export function bulkCommands(platform: Platform): Commands {
  return {
    [BULK_COMMAND]: async (db, { subject }) => {
      const running = await leaveWaiting(db, subject, 'running');
      return { action: STARTED, audit: bulkRecord(running), after: () => startBulkWorkflow(platform, running) };
    },
  };
}

/** What becomes of those that another API key has rejected. */
export function bulkRejections({ metrics }: Platform): Commands {
  return {
    [BULK_COMMAND]: async (db, { subject }) => {
      await leaveWaiting(db, subject, 'rejected');
      return { after: async () => metrics.of(preferenceMetrics).bulkEnded.inc({ outcome: 'rejected' }) };
    },
  };
}

async function leaveWaiting(db: Queryable, id: PublicId, state: 'running' | 'rejected'): Promise<BulkSuppression> {
  const bulk = await lockBulk(db, id);
  if (bulk?.state === 'waiting') return recordBulkStep(db, id, { state });
  // It may be rejected all the same, so that nothing waits for it.
  if (bulk !== undefined && state === 'rejected') return bulk;
  const detail = bulk === undefined ? 'It is gone: reject it.' : `It is ${bulk.state}: reject it.`;
  throw new PreferenceRefusal('bulk-suppression-not-waiting', detail);
}

/** What the audit log, and whoever has to approve it, is told of it. */
export function bulkRecord({ reason, note, dryRun, total }: BulkSuppression) {
  return { reason, note, dryRun, rows: total };
}
