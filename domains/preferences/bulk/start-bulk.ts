import { asId, newId, type PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { keepForApproval } from '../../approvals';
import { appendAudit } from '../../audit';
import { preferencesConfig } from '../config';
import { preferenceMetrics } from '../metrics';
import { PreferenceRefusal } from '../refusals';
import type { GivenRow } from '../rules/bulk-rows';
import type { Channel } from '../rules/channels';
import { startBulkWorkflow } from '../start';
import {
  type BulkSuppression,
  countOpenBulks,
  findBulk,
  findBulkByKey,
  insertBulk,
  lockBulk,
  type NewBulk,
  recordBulkStep,
} from '../store/bulk-suppressions';
import { BULK_COMMAND, bulkRecord, NO_MONEY, STARTED } from './approve-bulk';
import { receiveRows } from './receive-rows';

/** So many a tenant may have that have not ended. */
const MOST_OPEN = 10;
/** Of an upload whose process is gone nothing arrives any more. */
export const QUIET_UPLOAD_MS = 60_000;

/** Who asks for a bulk suppression, in which request. */
export interface BulkRequest {
  tenantId: PublicId;
  keyId: PublicId;
  /** The request's idempotency key: a UUID. */
  requestKey: string;
  log: Logger;
}

/** What is wanted of all rows. */
export interface BulkWish extends Pick<NewBulk, 'reason' | 'note' | 'dryRun'> {
  /** Of rows that name none. */
  channel: Channel | undefined;
}

/**
 * Stores rows to suppress as they arrive, and has a workflow suppress them; from `WAYBILL_BULK_SUPPRESSION_FOUR_EYES_FROM`
 * rows on, once another API key has approved it. If Temporal cannot be reached the sweep starts the workflow. A repetition is
 * answered with what the first request has made, and its rows are not read.
 *
 * @throws PreferenceRefusal when there are no rows, too many of them, or too many bulk suppressions; whatever reading `rows`
 *   throws. Then nothing is suppressed.
 */
export async function startBulkSuppression(
  platform: Platform,
  by: BulkRequest,
  wish: BulkWish,
  rows: AsyncIterable<GivenRow> | Iterable<GivenRow>,
): Promise<BulkSuppression> {
  const { pool, settings, metrics, log } = platform;
  const { tenantId, keyId, requestKey } = by;
  const config = settings.of(preferencesConfig);
  const known = await findBulkByKey(pool, tenantId, requestKey);
  if (known !== undefined && !(await isGivenUp(platform, known))) return known;
  if ((await countOpenBulks(pool, tenantId, MOST_OPEN)) >= MOST_OPEN) {
    const detail = `You have ${MOST_OPEN} bulk suppressions that have not ended: wait for one, or cancel it.`;
    throw new PreferenceRefusal('too-many-bulk-suppressions', detail);
  }
  const { reason, note, dryRun, channel } = wish;
  const id = newId('blk');
  const made = await insertBulk(pool, { id, tenantId, requestKey, reason, note, dryRun, actor: keyId });
  if (made === undefined) return requireBulk(pool, tenantId, await findBulkByKey(pool, tenantId, requestKey));
  try {
    await receiveRows(platform, { id, tenantId, channel, mostRows: config.WAYBILL_BULK_SUPPRESSION_MAX_ROWS }, rows);
  } catch (error) {
    await giveUp(platform, id);
    throw error;
  }
  const received = await inTransaction(pool, (db) =>
    begin(db, platform, id, config.WAYBILL_BULK_SUPPRESSION_FOUR_EYES_FROM),
  );
  const size = received.total >= config.WAYBILL_BULK_SUPPRESSION_BIG_FROM ? 'big' : 'usual';
  metrics.of(preferenceMetrics).bulkReceived.inc({ size });
  if (received.state === 'running') {
    await startBulkWorkflow(platform, received).catch((error: unknown) =>
      log.warn({ err: error, bulkId: id }, 'a bulk suppression is left to the sweep'),
    );
  }
  return requireBulk(pool, tenantId, received);
}

async function begin(
  db: Queryable,
  { log }: Platform,
  id: PublicId,
  fourEyesFrom: number | undefined,
): Promise<BulkSuppression> {
  const bulk = await lockBulk(db, id);
  if (bulk?.state !== 'receiving') {
    throw new PreferenceRefusal('upload-given-up', 'Nothing arrived for too long: send it again.');
  }
  const { tenantId, actor, total, dryRun } = bulk;
  if (dryRun || fourEyesFrom === undefined || total < fourEyesFrom) {
    const running = await recordBulkStep(db, id, { state: 'running' });
    await appendAudit(db, tenantId, { actor, action: STARTED, subject: id, payload: bulkRecord(bulk) });
    return running;
  }
  log.info({ bulkId: id, rows: total }, 'a bulk suppression waits for another API key');
  const command = { action: BULK_COMMAND, subject: id, amount: BigInt(total), currency: NO_MONEY };
  const approval = await keepForApproval(
    db,
    { tenantId, keyId: actor, effectId: asId('eff', id) },
    { ...command, input: bulkRecord(bulk) },
  );
  return recordBulkStep(db, id, { state: 'waiting', approvalId: approval.id });
}

/** Whether an upload of before has no end, so that another may take its place. */
async function isGivenUp(platform: Platform, { id, state, updatedAt }: BulkSuppression): Promise<boolean> {
  if (state !== 'receiving' || Date.now() - updatedAt.getTime() < QUIET_UPLOAD_MS) return false;
  await giveUp(platform, id);
  return true;
}

async function giveUp({ pool, metrics, log }: Platform, id: PublicId): Promise<void> {
  try {
    await inTransaction(pool, async (db) => {
      const bulk = await lockBulk(db, id);
      if (bulk?.state === 'receiving') await recordBulkStep(db, id, { state: 'incomplete' });
    });
    metrics.of(preferenceMetrics).bulkEnded.inc({ outcome: 'incomplete' });
  } catch (error) {
    log.warn({ err: error, bulkId: id }, 'an upload that failed is left to the sweep');
  }
}

/** As it is now: its workflow may have ended by then. */
async function requireBulk(
  pool: Platform['pool'],
  tenantId: PublicId,
  bulk: BulkSuppression | undefined,
): Promise<BulkSuppression> {
  const now = bulk && (await findBulk(pool, tenantId, bulk.id));
  if (now === undefined) throw new PreferenceRefusal('no-such-bulk-suppression');
  return now;
}
