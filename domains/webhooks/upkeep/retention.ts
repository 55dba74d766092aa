import type { Pool } from 'pg';
import { removeExpiredIdempotencyKeys } from '../../idempotency';
import type { WebhooksConfig } from '../config';
import { expireContents, expireRequestedContents, removeHistory } from '../store/retention';

/** What a run of retention did. */
export interface RetentionReport {
  contentsExpiredOnRequest: number;
  messagesRemoved: number;
  idempotencyRecordsRemoved: number;
}

const BATCH = 1_000;

export interface RetentionDeps {
  pool: Pool;
  config: Pick<WebhooksConfig, 'WAYBILL_CONTENT_RETENTION' | 'WAYBILL_HISTORY_RETENTION'>;
  /** Says that it is alive; called after every statement. */
  beat(): void;
}

/** Forgets contents and history whose time is over, in small statements, oldest first. */
export async function forgetOld({ pool, config, beat }: RetentionDeps): Promise<RetentionReport> {
  const report: RetentionReport = { contentsExpiredOnRequest: 0, messagesRemoved: 0, idempotencyRecordsRemoved: 0 };
  for (let done = BATCH; done === BATCH; beat()) {
    done = await expireRequestedContents(pool, BATCH);
    report.contentsExpiredOnRequest += done;
  }
  const contentsBefore = Date.now() - config.WAYBILL_CONTENT_RETENTION;
  for (let done = BATCH; done === BATCH; beat()) done = await expireContents(pool, contentsBefore, BATCH);
  const historyBefore = Date.now() - config.WAYBILL_HISTORY_RETENTION;
  for (let done = BATCH; done === BATCH; beat()) {
    done = await removeHistory(pool, historyBefore, BATCH);
    report.messagesRemoved += done;
  }
  for (let done = BATCH; done === BATCH; beat()) {
    done = await removeExpiredIdempotencyKeys(pool, BATCH);
    report.idempotencyRecordsRemoved += done;
  }
  return report;
}
