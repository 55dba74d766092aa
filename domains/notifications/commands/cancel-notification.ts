import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { NotificationRefusal } from '../refusals';
import { tellToLook } from '../start';
import { findNotification, type Notification } from '../store/notifications';
import { cancelSends } from '../store/sends';

/**
 * Cancels what of a notification is still pending; what is handed over is not called back.
 *
 * @throws NotificationRefusal when there is no such notification, or nothing of it is pending
 */
export async function cancelNotification(platform: Platform, tenantId: PublicId, id: PublicId): Promise<Notification> {
  const { pool, log } = platform;
  const notification = await findNotification(pool, tenantId, id);
  if (notification === undefined) throw new NotificationRefusal('no-such-notification');
  if ((await cancelSends(pool, id)) === 0) {
    throw new NotificationRefusal('nothing-to-cancel', 'Nothing of it is pending: read what has become of its sends.');
  }
  // Its workflow may wait for quiet hours to end, with nothing left to do then.
  await tellToLook(platform, { workflowId: notification.workflowId, tenantIds: [tenantId], summary: id }).catch(
    (error: unknown) => log.warn({ err: error, notificationId: id }, 'its workflow ends in its time'),
  );
  return notification;
}
