import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { addressHint, hashWith, openAddressKeys } from '../addresses';
import { PreferenceRefusal } from '../refusals';
import { type GivenRow, readBulkRow } from '../rules/bulk-rows';
import type { Channel } from '../rules/channels';
import { bulkRowPlace, insertBulkRows, type NewBulkRow } from '../store/bulk-suppression-rows';
import { countArrived } from '../store/bulk-suppressions';

/** Rows a statement. To seal and hash them takes about 10 ms, in which nobody else is served. */
const BATCH = 500;

/** Which rows are stored, and how many there may be. */
export interface Receiving {
  id: PublicId;
  tenantId: PublicId;
  /** Of rows that name none. */
  channel: Channel | undefined;
  mostRows: number;
}

/**
 * Stores rows as they arrive, some hundreds at a time: no more are in memory, and who sends them waits for the database.
 * What is wrong with one is stored with it.
 *
 * @throws PreferenceRefusal when there are none, or too many; whatever reading `rows` throws
 */
export async function receiveRows(
  platform: Platform,
  receiving: Receiving,
  rows: AsyncIterable<GivenRow> | Iterable<GivenRow>,
): Promise<void> {
  const { id, tenantId, channel, mostRows } = receiving;
  const { pool, keyring } = platform;
  const key = await platform.once(openAddressKeys).of(tenantId);
  let number = 0;
  let batch: NewBulkRow[] = [];
  let storing: Promise<void> = Promise.resolve();

  async function store(arrived: readonly NewBulkRow[]): Promise<void> {
    await inTransaction(pool, async (db) => {
      if (!(await countArrived(db, id, arrived.length))) {
        throw new PreferenceRefusal('upload-given-up', 'Nothing arrived for too long: send it again.');
      }
      await insertBulkRows(db, receiving, arrived);
    });
  }

  /** The next rows are read while these are stored. */
  async function storeBatch(): Promise<void> {
    const arrived = batch;
    batch = [];
    await storing;
    storing = store(arrived);
    // Whoever waits for it is told.
    storing.catch(() => undefined);
    await nextTurn();
  }

  for await (const given of rows) {
    number++;
    if (number > mostRows) {
      const detail = `There are more than ${mostRows} rows: send them in parts.`;
      throw new PreferenceRefusal('too-many-rows', detail, { field: ['rows'] });
    }
    const { address, channel: named, scope, expiresAt, problem } = readBulkRow(given, channel);
    const hashed = problem === undefined && named ? hashWith(key, { channel: named, address }) : undefined;
    const wrong = hashed === undefined && named ? `address: ${addressHint(named)}` : undefined;
    batch.push({
      number,
      channel: named,
      addressHash: hashed?.hash,
      addressSealed: keyring.encrypt(address, bulkRowPlace(id, number)),
      scope,
      expiresAt: expiresAt === null ? undefined : new Date(expiresAt),
      problem: problem ?? wrong,
    });
    if (batch.length === BATCH) await storeBatch();
  }
  if (batch.length > 0) await storeBatch();
  await storing;
  if (number === 0) throw new PreferenceRefusal('no-rows', 'There are no rows.', { field: ['rows'] });
}
