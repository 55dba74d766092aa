import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { countErased, type ErasedKind } from '../../preferences';
import { forgetEventContents, NOTIFICATION_EVENT_TYPE } from '../../webhooks';
import { publishedEventId } from '../rules/event-id';
import { forgetContentsOf, forgetTraces, notificationsOf, removeInboxOf, sendsToEndpoints } from '../store/erasing';

const ROWS_AT_ONCE = 1_000;
const NOTIFICATIONS_AT_ONCE = 200;

/**
 * Forgets what somebody who is erased was told, wherever it is kept: texts, inbox, messages to endpoints, and what servers
 * answered. Each batch is counted in the transaction that takes it away, so this may be stopped anywhere and done again.
 *
 * @param beat - says that it is alive; called after every batch
 */
export async function forgetTold({ pool }: Platform, subscriberId: PublicId, beat: () => void): Promise<void> {
  const counted = (kind: ErasedKind, work: (db: Queryable) => Promise<number>) =>
    inTransaction(pool, async (db) => {
      const gone = await work(db);
      await countErased(db, subscriberId, kind, gone);
      beat();
      return gone;
    });
  for (const [kind, some] of [
    ['contents', forgetContentsOf],
    ['inboxItems', removeInboxOf],
  ] as const) {
    while ((await counted(kind, (db) => some(db, subscriberId, ROWS_AT_ONCE))) === ROWS_AT_ONCE);
  }
  let last: PublicId | undefined;
  for (;;) {
    const ids = await notificationsOf(pool, subscriberId, last, NOTIFICATIONS_AT_ONCE);
    if (ids.length > 0) {
      await counted('traces', (db) => forgetTraces(db, ids));
      await counted('messages', (db) => forgetPublished(db, ids));
    }
    last = ids.at(-1);
    if (ids.length < NOTIFICATIONS_AT_ONCE) return;
  }
}

async function forgetPublished(db: Queryable, notificationIds: readonly PublicId[]): Promise<number> {
  const sends = await sendsToEndpoints(db, notificationIds);
  const [first] = sends;
  if (first === undefined) return 0;
  const eventIds = sends.map(({ id }) => publishedEventId(id));
  return forgetEventContents(db, first.tenantId, NOTIFICATION_EVENT_TYPE, eventIds);
}
