import {
  acceptNotification,
  cancelNotification,
  findNotification,
  listNotifications,
  type Notification,
  openContent,
  sendsOf,
} from '../../domains/notifications';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  contentView,
  newNotificationSchema,
  notificationPageSchema,
  notificationParams,
  notificationQuery,
  notificationSchema,
  summaryView,
  wishOf,
} from './notification-schemas';

const TAG = 'Notifications';
const CURSOR = byId('notifications');

export function notificationRoutes(context: DoorContext): Route[] {
  const { pool, reads, keyring, workflowUrl } = context;
  const view = async (notification: Notification) => {
    const { id, contentSealed } = notification;
    const sends = (await sendsOf(pool, [id])).get(id) ?? [];
    const content = contentSealed && openContent(keyring, id, contentSealed);
    return { ...summaryView(notification, sends, workflowUrl), content: contentView(content) };
  };

  return [
    route({
      method: 'post',
      path: '/v1/notifications',
      operationId: 'sendNotification',
      tag: TAG,
      summary: 'Send a notification to a subscriber',
      description:
        'It is stored, and sent by a workflow. Whether it may be sent is decided for each address at the moment of sending: ' +
        'an opt-out that was answered before is always heeded.',
      scope: 'notifications:write',
      body: newNotificationSchema,
      responses: {
        202: {
          description: 'It is stored, and will be sent if that is allowed.',
          body: notificationSchema,
          headers: { Location: "The notification's path." },
        },
      },
      handler: async ({ body }, { tenantId, keyId, effectId, fence }) => {
        const notification = await acceptNotification(context, { tenantId, keyId, effectId, fence }, wishOf(body));
        return {
          status: 202,
          headers: { location: `/v1/notifications/${notification.id}` },
          body: await view(notification),
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/notifications',
      operationId: 'listNotifications',
      tag: TAG,
      summary: 'List notifications, newest first',
      scope: 'notifications:read',
      query: notificationQuery,
      responses: {
        200: { description: 'A page of notifications without what they say.', body: notificationPageSchema },
      },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listNotifications(reads, tenantId, query, request);
        const sends = await sendsOf(
          reads,
          page.rows.map(({ id }) => id),
        );
        const summary = (row: Notification) => summaryView(row, sends.get(row.id) ?? [], workflowUrl);
        return { status: 200, body: pageBody(CURSOR, request, page, summary) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/notifications/{id}',
      operationId: 'getNotification',
      tag: TAG,
      summary: 'Get a notification, and what became of it',
      scope: 'notifications:read',
      params: notificationParams,
      responses: { 200: { description: 'The notification.', body: notificationSchema } },
      handler: async ({ params }, { tenantId }) => {
        const notification = await findNotification(pool, tenantId, params.id);
        if (notification === undefined) throw new Problem('not-found');
        return { status: 200, body: await view(notification) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/notifications/{id}/cancel',
      operationId: 'cancelNotification',
      tag: TAG,
      summary: 'Cancel what of a notification is still pending',
      description: 'What is handed over is not called back.',
      scope: 'notifications:write',
      params: notificationParams,
      responses: { 200: { description: 'The notification as it is now.', body: notificationSchema } },
      problems: ['wrong-state'],
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: await view(await cancelNotification(context, tenantId, params.id)),
      }),
    }),
  ];
}
