import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { appendAudit } from '../../audit';
import { openBlocks } from '../receiving/blocks';
import { type Block, liftBlocks, listBlocks } from '../store/refusals';
import { requireSource, type SourceCommand, withSource } from './with-source';

const MOST_SHOWN = 100;

/** Addresses that a source is blocked for now, 100 at most. @throws InboundRefusal when there is no such source */
export async function showBlocks(
  { pool }: Pick<Platform, 'pool'>,
  tenantId: PublicId,
  sourceId: PublicId,
): Promise<Block[]> {
  await requireSource(pool, tenantId, sourceId);
  return listBlocks(pool, sourceId, MOST_SHOWN);
}

/** Lifts a source's blocks, here at once and in other processes within two seconds. @throws InboundRefusal */
export async function unblockSource(platform: Platform, { tenantId, keyId, id }: SourceCommand): Promise<void> {
  await withSource(platform.pool, { tenantId, id }, async (db) => {
    await liftBlocks(db, id);
    await appendAudit(db, tenantId, { actor: keyId, action: 'inbound-source.unblocked', subject: id, payload: {} });
  });
  platform.once(openBlocks).forget(id);
}
