import { z } from 'zod';
import { changeNotificationSettings, findSettings, type NotificationSettings } from '../../domains/notifications';
import type { DoorContext } from '../http/door';
import { ETAG, etag, ifMatchHeaders } from '../http/etag';
import { type Route, route } from '../http/route';
import { nonEmptyText } from '../http/schemas';

const TAG = 'Notification settings';
const PATH = '/v1/notification-settings';

/** It becomes a header. */
const line = (max: number) => nonEmptyText(max).regex(/^[^\r\n]*$/, 'must be one line');
const address = z.email('expected an email address').max(254).meta({ example: 'shop@example.com' });

const senderName = line(100).meta({ description: 'The name that mail is from.', example: 'The Shop' });
const postalAddress = nonEmptyText(500).meta({
  description: 'Your postal address. It stands at the end of commercial mail, which is refused without it.',
  example: 'The Shop, 1 High Street, Springfield',
});
const senderAddress = address.meta({ description: "The address that mail is from; the operator's without it." });
const replyTo = address.meta({ description: 'Where answers go.' });

const settingsSchema = z
  .object({
    senderName: senderName.nullable(),
    senderAddress: senderAddress.nullable(),
    replyTo: replyTo.nullable(),
    postalAddress: postalAddress.nullable(),
  })
  .meta({ id: 'NotificationSettings' });

const changeSchema = z
  .strictObject({
    senderName: senderName.nullable().optional(),
    senderAddress: senderAddress.nullable().optional(),
    replyTo: replyTo.nullable().optional(),
    postalAddress: postalAddress.nullable().optional(),
  })
  .meta({ id: 'NotificationSettingsChange', example: { senderName: 'The Shop' } });

export function settingsRoutes(context: DoorContext): Route[] {
  const shown = ({ revision, ...settings }: NotificationSettings) => ({
    status: 200 as const,
    headers: etag({ version: revision }),
    body: {
      senderName: settings.senderName ?? null,
      senderAddress: settings.senderAddress ?? null,
      replyTo: settings.replyTo ?? null,
      postalAddress: settings.postalAddress ?? null,
    },
  });
  return [
    route({
      method: 'get',
      path: PATH,
      operationId: 'getNotificationSettings',
      tag: TAG,
      summary: 'Get who mail is from',
      scope: 'notifications:read',
      responses: { 200: { description: 'The settings.', body: settingsSchema, headers: ETAG } },
      handler: async (_input, { tenantId }) => shown(await findSettings(context.pool, tenantId)),
    }),
    route({
      method: 'patch',
      path: PATH,
      operationId: 'updateNotificationSettings',
      tag: TAG,
      summary: 'Change who mail is from',
      description: 'What is left out stays; null takes it away. It counts from the next mail on.',
      scope: 'notifications:write',
      headers: ifMatchHeaders,
      body: changeSchema,
      mediaTypes: ['application/json', 'application/merge-patch+json'],
      responses: { 200: { description: 'The settings as they are now.', body: settingsSchema, headers: ETAG } },
      handler: async ({ headers, body }, { tenantId, keyId }) =>
        shown(await changeNotificationSettings(context, { tenantId, keyId, expected: headers['if-match'] }, body)),
    }),
  ];
}
