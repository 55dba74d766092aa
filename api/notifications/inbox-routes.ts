import { z } from 'zod';
import { type InboxItem, markItem, openItem, readInbox } from '../../domains/notifications';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentOrNull, momentText, pageQuery, pageSchema } from '../http/schemas';

const TAG = 'Inboxes';
const CURSOR = byId('inbox');

const itemSchema = z
  .object({
    id: idSchema('ibx'),
    notificationId: idSchema('ntf').meta({ description: 'The notification.' }),
    topic: z.string().nullable().meta({ description: 'What it is about; null without one.', example: 'order-shipped' }),
    category: z.string().nullable().meta({ description: 'Its category, if it has no topic.', example: 'orders' }),
    title: z.string().meta({ description: 'What it says first.', example: 'On its way' }),
    body: z.string().meta({ description: 'What it says.', example: 'Order 1042 arrives on Friday.' }),
    url: z.string().nullable().meta({ description: 'Where it leads; null: nowhere.' }),
    createdAt: momentText,
    readAt: momentText.nullable().meta({ description: 'When it was read; null: it was not.' }),
    archivedAt: momentText.nullable().meta({ description: 'When it was archived; null: it was not.' }),
  })
  .meta({ id: 'InboxItem' });

const flag = (description: string) => z.enum(['true', 'false']).optional().meta({ description });

const query = z.strictObject({
  ...pageQuery,
  read: flag('Only those that are read, or that are not.'),
  archived: flag('Only those that are archived, or that are not.'),
});

const marksSchema = z
  .strictObject({
    read: z.boolean().optional().meta({ description: 'Whether it is read.' }),
    archived: z.boolean().optional().meta({ description: 'Whether it is archived.' }),
  })
  .meta({ id: 'InboxMarks', example: { read: true } });

const inboxParams = z.object({ id: idSchema('sub').meta({ description: 'The subscriber.' }) });
const itemParams = z.object({ ...inboxParams.shape, itemId: idSchema('ibx').meta({ description: 'The item.' }) });

export function inboxRoutes(context: DoorContext): Route[] {
  const view = (item: InboxItem): z.input<typeof itemSchema> => {
    const { title, body, url } = openItem(context, item);
    return {
      id: item.id,
      notificationId: item.notificationId,
      topic: item.topic ?? null,
      category: item.category ?? null,
      title,
      body,
      url: url ?? null,
      createdAt: moment(item.createdAt),
      readAt: momentOrNull(item.readAt),
      archivedAt: momentOrNull(item.archivedAt),
    };
  };
  return [
    route({
      method: 'get',
      path: '/v1/subscribers/{id}/inbox',
      operationId: 'listInbox',
      tag: TAG,
      summary: "List a subscriber's notifications in the app, newest first",
      scope: 'notifications:read',
      params: inboxParams,
      query,
      responses: { 200: { description: 'A page of items.', body: pageSchema('InboxPage', itemSchema) } },
      handler: async ({ params, query: { read, archived, ...page } }, { tenantId }) => {
        const request = pageRequest(CURSOR, page, 'desc');
        const filter = { read: boolean(read), archived: boolean(archived) };
        const found = await readInbox(context, { tenantId, subscriberId: params.id }, filter, request);
        return { status: 200, body: pageBody(CURSOR, request, found, view) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/subscribers/{id}/inbox/{itemId}/mark',
      operationId: 'markInboxItem',
      tag: TAG,
      summary: 'Mark a notification in the app as read or archived',
      description: 'Or as neither again. What is left out stays.',
      scope: 'notifications:write',
      params: itemParams,
      body: marksSchema,
      responses: { 200: { description: 'The item as it is now.', body: itemSchema } },
      handler: async ({ params, body }, { tenantId }) => {
        const place = { tenantId, subscriberId: params.id, id: params.itemId };
        return { status: 200, body: view(await markItem(context, place, body)) };
      },
    }),
  ];
}

function boolean(text: 'true' | 'false' | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true';
}
