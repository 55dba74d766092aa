import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { sqlState } from '../../../infra/postgres/errors';
import { removeExpiredIdempotencyKeys } from '../../idempotency';
import type { WebhooksConfig } from '../config';
import { forgetPermits } from '../store/rate-limits';
import { expireContents, expireRequestedContents, removeHistory, removeReplays } from '../store/retention';

/** What a run of retention did. */
export interface RetentionReport {
  contentsExpiredOnRequest: number;
  messagesRemoved: number;
  idempotencyRecordsRemoved: number;
}

const BATCH = 1_000;
/** SQLSTATE `query_canceled`: also that of a statement timeout. */
const STATEMENT_CANCELLED = '57014';

export interface RetentionDeps {
  pool: Pool;
  config: Pick<WebhooksConfig, 'WAYBILL_CONTENT_RETENTION' | 'WAYBILL_HISTORY_RETENTION'>;
  /** Says that it is alive; called after every statement. */
  beat(): void;
}

/** Forgets contents and history whose time is over, in small statements, oldest first. */
export async function forgetOld({ pool, config, beat }: RetentionDeps): Promise<RetentionReport> {
  const report: RetentionReport = { contentsExpiredOnRequest: 0, messagesRemoved: 0, idempotencyRecordsRemoved: 0 };
  await inBatches(beat, async (limit) => {
    const expired = await expireRequestedContents(pool, limit);
    report.contentsExpiredOnRequest += expired;
    return expired;
  });
  const contentsBefore = Date.now() - config.WAYBILL_CONTENT_RETENTION;
  await inBatches(beat, (limit) => expireContents(pool, contentsBefore, limit));
  const historyBefore = Date.now() - config.WAYBILL_HISTORY_RETENTION;
  let after: string | undefined;
  await inBatches(beat, async (limit) => {
    const { seen, removed, last } = await removeHistory(pool, { beforeMs: historyBefore, after, limit });
    report.messagesRemoved += removed;
    after = last;
    return seen;
  });
  await inBatches(beat, async (limit) => {
    const removed = await removeExpiredIdempotencyKeys(pool, limit);
    report.idempotencyRecordsRemoved += removed;
    return removed;
  });
  await inBatches(beat, (limit) => removeReplays(pool, historyBefore, limit));
  let last: PublicId | undefined;
  await inBatches(beat, async (limit) => {
    const seen = await forgetPermits(pool, last, limit);
    last = seen.at(-1) ?? last;
    return seen.length;
  });
  return report;
}

/**
 * Calls `work` until it finds less than its limit. The limit is halved when a statement takes too long: messages to
 * thousands of endpoints have thousands of rows each.
 */
async function inBatches(beat: () => void, work: (limit: number) => Promise<number>): Promise<void> {
  for (let limit = BATCH; ; ) {
    try {
      const found = await work(limit);
      if (found < limit) return;
    } catch (error) {
      if (limit === 1 || sqlState(error) !== STATEMENT_CANCELLED) throw error;
      limit = Math.ceil(limit / 2);
    } finally {
      beat();
    }
  }
}
