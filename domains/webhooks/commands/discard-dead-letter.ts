import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import { type DeadLetter, findDeadLetter } from '../store/dead-letter-reads';
import { closeDeadLetter } from '../store/delivery-commands';

/** Closes an open dead letter without a further attempt; one already discarded stays as it is. */
export async function discardDeadLetter(db: Queryable, tenantId: PublicId, id: PublicId): Promise<DeadLetter> {
  const closed = await closeDeadLetter(db, tenantId, id);
  const letter = await findDeadLetter(db, tenantId, id);
  if (letter === undefined) throw new WebhookRefusal('no-such-dead-letter');
  if (!closed && letter.state !== 'discarded') {
    throw new WebhookRefusal('dead-letter-not-open', `It is ${letter.state}: only open dead letters can be discarded.`);
  }
  return letter;
}
