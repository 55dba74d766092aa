import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { openDeadLetterCounts } from '../dead-letter-counts';
import { goOnInOrder } from '../ordering/go-on';
import { WebhookRefusal } from '../refusals';
import { type DeadLetter, findDeadLetter } from '../store/dead-letter-reads';
import { closeDeadLetter } from '../store/delivery-commands';

/**
 * Closes an open dead letter without a further attempt, with an entry in the audit log; one already discarded stays as it
 * is.
 *
 * @param by - whose request it is; `keyId` is the API key that is remembered
 * @throws WebhookRefusal when there is none, or it was retried
 */
export async function discardDeadLetter(
  platform: Platform,
  by: Effect & { keyId: PublicId },
  { id, reason }: { id: PublicId; reason: string },
): Promise<DeadLetter> {
  const { tenantId, keyId } = by;
  const discarded = await inTransaction(platform.pool, async (db) => {
    await by.fence(db);
    const closed = await closeDeadLetter(db, tenantId, id, { reason, by: keyId });
    const letter = await findDeadLetter(db, tenantId, id);
    if (letter === undefined) throw new WebhookRefusal('no-such-dead-letter');
    if (!closed && letter.state !== 'discarded') {
      throw new WebhookRefusal('dead-letter-not-open', `It is ${letter.state}: only open ones can be discarded.`);
    }
    if (closed) {
      const payload = { reason, deliveryId: letter.deliveryId, endpointId: letter.endpointId };
      await appendAudit(db, tenantId, { actor: keyId, action: 'dead_letter.discarded', subject: id, payload });
    }
    return letter;
  });
  await platform.once(openDeadLetterCounts).changed(tenantId);
  goOnInOrder(platform, { tenantId, endpointId: discarded.endpointId });
  return discarded;
}
