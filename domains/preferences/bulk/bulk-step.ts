import { newId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { openAddressKeys } from '../addresses';
import { preferenceMetrics } from '../metrics';
import { BULK_RESULTS, type BulkCounts, noCounts } from '../rules/bulk';
import type { PlannedOutcome } from '../rules/plan-suppressions';
import { EVERYTHING, mayBePartial, type SuppressionReason } from '../rules/suppression';
import {
  bulkRowPlace,
  type RowResult,
  readBulkRows,
  readEarlierRows,
  recordRowResults,
  type StoredBulkRow,
} from '../store/bulk-suppression-rows';
import { type BulkSuppression, lockBulk, recordBulkStep } from '../store/bulk-suppressions';
import { knownCategories } from '../store/catalogue';
import { type HashedAddress, lockAddresses } from '../store/destinations';
import { readSuppressionsLike, type Suppression } from '../store/suppressions';
import type { SuppressionDetails } from '../suppressing/details';
import { recordForSubscribers, type SuppressionChange } from '../suppressing/record-for-subscribers';
import { byKey, keyOf, type ManyWish, planFor, suppressMany } from '../suppressing/suppress-many';

/** Subscribers with these addresses are locked for as long as so many rows take. */
const PAGE = 200;

const RESULT_OF = { made: 'added', extended: 'extended', known: 'already_suppressed' } as const satisfies Record<
  PlannedOutcome,
  RowResult['result']
>;

/**
 * Does the next rows of a bulk suppression that is running, in one transaction with their results and its counts: whoever is
 * killed when, each row is done once and counted once.
 *
 * @param id - one whose address keys are at hand
 * @returns how many rows were done
 */
export async function applyPage(platform: Platform, { id, tenantId }: Pick<BulkSuppression, 'id' | 'tenantId'>) {
  const key = await platform.once(openAddressKeys).of(tenantId);
  const counts = await inTransaction(platform.pool, async (db) => {
    const bulk = await lockBulk(db, id);
    if (bulk?.state !== 'running') return noCounts();
    const rows = await readPageOf(db, bulk);
    const last = rows.at(-1);
    if (last === undefined) return noCounts();
    const unusable = await findUnusable(db, bulk, rows);
    const usable = rows.flatMap((row) => (unusable.has(row.number) ? [] : wishOf(bulk, row)));
    const results = bulk.dryRun ? await tryOut(db, bulk, usable) : await carryOut(db, platform, bulk, key, usable);
    for (const row of rows) {
      const result = unusable.get(row.number);
      if (result !== undefined) results.push({ number: row.number, suppressionId: undefined, ...result });
    }
    await recordRowResults(db, id, results);
    const counts = countsOf(results);
    // Nothing follows what was only tried out.
    const followedTo = bulk.dryRun ? { followedTo: last.number } : {};
    await recordBulkStep(db, id, { appliedTo: last.number, counts, ...followedTo });
    return counts;
  });
  const metrics = platform.metrics.of(preferenceMetrics);
  for (const result of BULK_RESULTS) metrics.bulkRows.inc({ result }, counts[result]);
  return BULK_RESULTS.reduce((sum, result) => sum + counts[result], 0);
}

/** The next rows, with their addresses locked: one that is being erased is forgotten by then. */
async function readPageOf(db: Queryable, { id, tenantId, appliedTo, dryRun }: BulkSuppression) {
  const rows = await readBulkRows(db, id, appliedTo, PAGE);
  if (dryRun) return rows;
  await lockAddresses(db, tenantId, rows.flatMap(addressOf));
  return readBulkRows(db, id, appliedTo, PAGE);
}

function addressOf({ channel, addressHash }: StoredBulkRow): HashedAddress[] {
  return channel === undefined || addressHash === undefined ? [] : [{ channel, hash: addressHash }];
}

type Unusable = Pick<RowResult, 'result' | 'problem'>;

/** Rows that cannot be done, by number, and why. */
async function findUnusable(
  db: Queryable,
  { tenantId, reason }: BulkSuppression,
  rows: readonly StoredBulkRow[],
): Promise<Map<number, Unusable>> {
  const scopes = new Set(rows.flatMap(({ scope }) => (scope === undefined || scope === EVERYTHING ? [] : [scope])));
  const categories = scopes.size === 0 ? new Set<string>() : await knownCategories(db, tenantId, [...scopes]);
  const found = new Map<number, Unusable>();
  for (const row of rows) {
    const problem = problemOf(row, reason, categories);
    if (row.problem !== undefined) found.set(row.number, { result: 'invalid', problem: row.problem });
    else if (problem !== undefined) found.set(row.number, { result: 'refused', problem });
  }
  return found;
}

function problemOf(
  { scope = EVERYTHING, expiresAt }: StoredBulkRow,
  reason: SuppressionReason,
  categories: ReadonlySet<string>,
): string | undefined {
  if (scope !== EVERYTHING && !mayBePartial(reason)) {
    return `scope: must be * for the reason ${reason}: it is about the address`;
  }
  if (scope !== EVERYTHING && !categories.has(scope)) return 'scope: is neither * nor a category that there is';
  if (expiresAt !== undefined && expiresAt.getTime() <= Date.now()) return 'expires_at: must lie ahead';
  return undefined;
}

interface Usable {
  row: StoredBulkRow;
  wish: Omit<ManyWish, 'id' | 'details'>;
}

function wishOf({ reason }: BulkSuppression, row: StoredBulkRow): Usable[] {
  const { scope = EVERYTHING, expiresAt } = row;
  return addressOf(row).map((address) => ({ row, wish: { address, scope, reason, expiresAt } }));
}

async function tryOut(db: Queryable, bulk: BulkSuppression, usable: readonly Usable[]): Promise<RowResult[]> {
  const { id, tenantId, appliedTo, reason } = bulk;
  const wishes = usable.map(({ wish }) => wish);
  const like = byKey(await readSuppressionsLike(db, tenantId, wishes));
  const before = new Map<string, Pick<Suppression, 'expiresAt'>>(like);
  const addresses = wishes.map(({ address }) => address);
  for (const { address, scope, expiresAt } of await readEarlierRows(db, { id, tenantId }, appliedTo, addresses)) {
    // Whatever they would have made lasts longer than what there was.
    before.set(keyOf({ address, scope, reason }), { expiresAt });
  }
  const { outcomes } = planFor(wishes, before, Date.now());
  return usable.map(({ row, wish }, index) => ({
    number: row.number,
    result: RESULT_OF[outcomes[index] ?? 'known'],
    problem: undefined,
    suppressionId: like.get(keyOf(wish))?.id,
  }));
}

async function carryOut(
  db: Queryable,
  platform: Platform,
  { id, tenantId, actor }: BulkSuppression,
  key: Buffer,
  usable: readonly Usable[],
): Promise<RowResult[]> {
  const wishes = usable.map(({ row, wish }) => ({ ...wish, id: newId('sup'), details: detailsOf(platform, row) }));
  const made = await suppressMany(db, platform, { tenantId, actor, source: 'import' }, wishes);
  const changes = new Map<string, SuppressionChange>();
  for (const { suppression, outcome } of made) {
    if (outcome === 'known' || changes.has(suppression.id)) continue;
    changes.set(suppression.id, { suppression, kind: outcome === 'made' ? 'suppressed' : 'expiry' });
  }
  await recordForSubscribers(db, { tenantId, key, actor, subject: id, at: new Date() }, [...changes.values()]);
  return usable.flatMap(({ row }, index) => {
    const result = made[index];
    if (result === undefined) return [];
    const { suppression, outcome } = result;
    return [
      { number: row.number, result: RESULT_OF[outcome], problem: undefined, suppressionId: suppression.id },
    ] satisfies RowResult[];
  });
}

/** Its address is gone once its subscriber is erased; the keyed hash goes on counting. */
function detailsOf(
  { keyring }: Pick<Platform, 'keyring'>,
  { bulkId, number, addressSealed }: StoredBulkRow,
): SuppressionDetails | undefined {
  if (addressSealed === undefined) return undefined;
  const address = keyring.decrypt(addressSealed, bulkRowPlace(bulkId, number));
  return { address, evidence: { bulkSuppression: bulkId, row: String(number) } };
}

function countsOf(results: readonly RowResult[]): BulkCounts {
  const counts = noCounts();
  for (const { result } of results) counts[result]++;
  return counts;
}
