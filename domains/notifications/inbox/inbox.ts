import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Page, PageRequest } from '../../../infra/postgres/keyset';
import { findSubscriber } from '../../preferences';
import { NotificationRefusal } from '../refusals';
import type { CardContent } from '../rules/content';
import {
  type InboxFilter,
  type InboxItem,
  type InboxMarks,
  inboxPlace,
  listInbox,
  markInboxItem,
} from '../store/inbox';

/** @throws NotificationRefusal when there is no such subscriber */
export async function readInbox(
  { pool, reads }: Pick<Platform, 'pool' | 'reads'>,
  { tenantId, subscriberId }: { tenantId: PublicId; subscriberId: PublicId },
  filter: InboxFilter,
  request: PageRequest,
): Promise<Page<InboxItem>> {
  await requireInbox({ pool }, tenantId, subscriberId);
  return listInbox(reads, subscriberId, filter, request);
}

/** Marks an item as read or archived, or as neither again. @throws NotificationRefusal when there is no such item */
export async function markItem(
  { pool }: Pick<Platform, 'pool'>,
  { tenantId, subscriberId, id }: { tenantId: PublicId; subscriberId: PublicId; id: PublicId },
  marks: InboxMarks,
): Promise<InboxItem> {
  await requireInbox({ pool }, tenantId, subscriberId);
  const item = await markInboxItem(pool, subscriberId, id, marks);
  if (item === undefined) throw new NotificationRefusal('no-such-inbox-item');
  return item;
}

/** What an item says. */
export function openItem({ keyring }: Pick<Platform, 'keyring'>, { id, contentSealed }: InboxItem): CardContent {
  return JSON.parse(keyring.decrypt(contentSealed, inboxPlace(id))) as CardContent;
}

async function requireInbox({ pool }: Pick<Platform, 'pool'>, tenantId: PublicId, subscriberId: PublicId) {
  const subscriber = await findSubscriber(pool, tenantId, subscriberId);
  if (subscriber === undefined || subscriber.erasedAt !== undefined) throw new NotificationRefusal('no-such-inbox');
}
