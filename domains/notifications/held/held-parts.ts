import { type HeldPart, heldPage, heldRequest } from '../../preferences';
import { openItem } from '../inbox/inbox';
import { openContent } from '../sending/sealing';
import { listInbox } from '../store/inbox';
import { decisionsOf, listNotifications } from '../store/notifications';
import { sendsOf } from '../store/sends';

/** What this domain holds about a subscriber, for the export of everything. */
export const HELD_NOTIFICATIONS: readonly HeldPart[] = [
  {
    name: 'notifications',
    read: async ({ reads, keyring }, { tenantId, id: subscriberId }, after) => {
      const page = await listNotifications(reads, tenantId, { subscriberId }, heldRequest(after));
      const sends = await sendsOf(
        reads,
        page.rows.map(({ id }) => id),
      );
      const decisions = await decisionsOf(
        reads,
        [...sends.values()].flat().map(({ id }) => id),
      );
      return heldPage(page, ({ id, topic, category, template, contentSealed, createdAt }) => ({
        id,
        topic,
        category,
        template,
        content: contentSealed && openContent(keyring, id, contentSealed),
        createdAt,
        sends: (sends.get(id) ?? []).map(({ notificationId: _id, decision: _last, ...send }) => ({
          ...send,
          decisions: decisions.get(send.id) ?? [],
        })),
      }));
    },
  },
  {
    name: 'inbox',
    read: async (platform, { id }, after) =>
      heldPage(await listInbox(platform.reads, id, {}, heldRequest(after)), (item) => {
        const { id, notificationId, topic, category, createdAt, readAt, archivedAt } = item;
        return {
          id,
          notificationId,
          topic,
          category,
          content: openItem(platform, item),
          createdAt,
          readAt,
          archivedAt,
        };
      }),
  },
];
