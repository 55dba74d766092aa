import { csvRecord, csvText } from '../../../core/csv';
import type { PublicId } from '../../../core/ids';
import { begun } from '../../../core/text-pieces';
import type { Platform } from '../../../infra/platform/platform';
import type { Position } from '../../../infra/postgres/keyset';
import { listSuppressions, type Suppression, type SuppressionFilter } from '../store/suppressions';
import { openDetails } from './details';

const PAGE = 1_000;

const COLUMNS = [
  'id',
  'channel',
  'address',
  'scope',
  'reason',
  'source',
  'created_by',
  'created_at',
  'expires_at',
  'lifted_at',
  'lifted_by',
  'lift_reason',
];

/**
 * Exports suppressions as CSV, oldest first, piece by piece: no more than a page of them is in memory. The first piece is made
 * at once, so that an early failure can still be answered as an error.
 */
export function exportSuppressions(
  { reads, keyring }: Pick<Platform, 'reads' | 'keyring'>,
  tenantId: PublicId,
  filter: SuppressionFilter,
): Promise<AsyncIterable<string>> {
  async function* pieces(): AsyncGenerator<string> {
    yield csvRecord(COLUMNS);
    let position: Position | undefined;
    do {
      const page = await listSuppressions(reads, tenantId, filter, { order: 'asc', limit: PAGE, position });
      for (const suppression of page.rows) yield recordOf(suppression);
      position = page.next;
    } while (position !== undefined);
  }

  function recordOf(suppression: Suppression): string {
    const { id, channel, scope, reason, source, createdBy, createdAt, expiresAt, liftedAt, liftedBy, liftReason } =
      suppression;
    const address = openDetails(keyring, suppression)?.address ?? '';
    return csvRecord([
      id,
      channel,
      // A phone number is a formula to a spreadsheet; a program that reads the file takes the apostrophe away.
      csvText(address),
      scope,
      reason,
      source,
      createdBy,
      createdAt.toISOString(),
      expiresAt?.toISOString() ?? '',
      liftedAt?.toISOString() ?? '',
      liftedBy ?? '',
      csvText(liftReason ?? ''),
    ]);
  }

  return begun(pieces());
}
