import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { forgetDecisions } from '../denied';
import { type BulkReport, noCounts } from '../rules/bulk';
import { changedAddresses } from '../store/bulk-suppression-rows';
import { attendToBulk, type BulkSuppression, lockBulk, recordBulkStep } from '../store/bulk-suppressions';
import { holdersOf } from '../store/destinations';
import { applyPage } from './bulk-step';
import { endingBulk } from './end-bulk';

export interface BulkRoundDeps {
  platform: Platform;
  /** Says that the round is alive. */
  beat(): void;
  /**
   * Decides anew about what these subscribers are to be sent, as after any suppression.
   *
   * @param stopped - called for each send that is stopped, in the transaction that stops it
   */
  stopSends(subscriberIds: readonly PublicId[], stopped: (db: Queryable) => Promise<void>): Promise<void>;
}

const BUDGET_MS = 5_000;
/** Longer than a round and its retries are apart. */
const ATTENDED_MS = 180_000;

/**
 * Goes on with a bulk suppression for some seconds, and says where it stands. What it does is in the database, page by page:
 * the rows are suppressed in one transaction with their results, and what follows, as after any suppression, happens before
 * the next page, if need be more than once.
 */
export async function bulkRound(deps: BulkRoundDeps, bulkId: PublicId): Promise<BulkReport> {
  const { pool } = deps.platform;
  const until = Date.now() + BUDGET_MS;
  for (;;) {
    deps.beat();
    const bulk = await attendToBulk(pool, bulkId, ATTENDED_MS);
    if (bulk === undefined) return GONE;
    if (!isActive(bulk) || Date.now() >= until) return bulkReport(bulk);
    await step(deps, bulk);
  }
}

async function step(deps: BulkRoundDeps, bulk: BulkSuppression): Promise<void> {
  const { id, state, total, appliedTo, followedTo } = bulk;
  if (followedTo < appliedTo) return follow(deps, bulk);
  if (state === 'running' && appliedTo < total) {
    await applyPage(deps.platform, bulk);
    return;
  }
  await endingBulk(deps.platform, async (db, end) => {
    const locked = await lockBulk(db, id);
    if (locked === undefined || !isActive(locked) || locked.followedTo < locked.appliedTo) return;
    if (locked.state === 'cancelling') await end(locked, 'cancelled');
    else if (locked.appliedTo === locked.total) await end(locked, 'completed');
  });
}

/** What follows the suppressions of a page: denials that were kept are forgotten, and pending sends are stopped. */
async function follow({ platform, stopSends }: BulkRoundDeps, bulk: BulkSuppression): Promise<void> {
  const { pool } = platform;
  const { id, tenantId, followedTo, appliedTo } = bulk;
  const addresses = await changedAddresses(pool, id, { after: followedTo, upTo: appliedTo });
  const holders = await holdersOf(pool, tenantId, addresses);
  const subscribers = [...new Set(holders.map(({ subscriberId }) => subscriberId))];
  await forgetDecisions(platform, subscribers);
  await stopSends(subscribers, async (db) => {
    await recordBulkStep(db, id, { stoppedSends: 1 });
  });
  await inTransaction(pool, async (db) => {
    const locked = await lockBulk(db, id);
    if (locked === undefined) return;
    await recordBulkStep(db, id, { followedTo: Math.max(locked.followedTo, appliedTo) });
  });
}

/**
 * Ends one whose rounds go on failing, so that somebody looks: what is done stays, and the same rows may be sent again.
 *
 * @returns where it stands
 */
export async function failBulk(platform: Platform, bulkId: PublicId): Promise<BulkReport> {
  const why = 'Its rounds failed again and again; the log of the workers says why. Send the same rows again.';
  const failed = await endingBulk(platform, async (db, end) => {
    const locked = await lockBulk(db, bulkId);
    return locked !== undefined && isActive(locked) ? end(locked, 'failed', why) : locked;
  });
  return failed === undefined ? GONE : bulkReport(failed);
}

function isActive({ state }: BulkSuppression): boolean {
  return state === 'running' || state === 'cancelling';
}

const GONE: BulkReport = { state: 'gone', dryRun: false, total: 0, done: 0, counts: noCounts(), stoppedSends: 0 };

function bulkReport({ state, dryRun, total, appliedTo: done, counts, stoppedSends }: BulkSuppression): BulkReport {
  return { state, dryRun, total, done, counts, stoppedSends };
}
