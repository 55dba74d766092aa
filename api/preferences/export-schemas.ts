import { z } from 'zod';
import { notificationsConfig } from '../../domains/notifications';
import {
  EXPORT_FORMATS,
  EXPORT_STATES,
  exportToken,
  type SubscriberExport,
  subscriberExportWorkflowId,
} from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { idSchema, moment, momentText, pageSchema } from '../http/schemas';
import { subscriberParams } from './shared-schemas';

/** Where links to exports lead. */
export const DOWNLOAD_PATH = '/d';

export const exportParams = subscriberParams.extend({
  exportId: idSchema('sxp').meta({ description: 'The export.' }),
});

export const newExportSchema = z
  .strictObject({
    format: z.enum(EXPORT_FORMATS).default('json').meta({
      description: '`json`: one object with a member for each part. `csv`: a line for each value.',
      example: 'json',
    }),
  })
  .meta({ id: 'NewSubscriberExport' });

export const exportSchema = z
  .object({
    id: idSchema('sxp'),
    subscriberId: idSchema('sub').meta({ description: 'The subscriber.' }),
    format: z.enum(EXPORT_FORMATS),
    state: z
      .enum(EXPORT_STATES)
      .meta({ description: '`collecting` until it can be downloaded; `expired`: it is about to be removed.' }),
    counts: z
      .record(z.string(), z.int())
      .meta({ description: 'Records collected so far, by part.', example: { destinations: 2, notifications: 17 } }),
    bytes: z.int().meta({ description: 'Of the text so far.', example: 10_240 }),
    createdAt: momentText,
    readyAt: momentText.nullable().meta({ description: 'Null while it is collected.' }),
    expiresAt: momentText.nullable().meta({ description: 'From then on it is gone; null while it is collected.' }),
    link: z
      .string()
      .nullable()
      .meta({
        description:
          'Where it is downloaded, without an API key: whoever has the link has everything. It begins with ' +
          '`WAYBILL_PUBLIC_URL`, or is relative to the API where none is set. Null unless the export is ready.',
        example: 'https://notify.example.com/d/AQR0ZXN0',
      }),
    workflowUrl: z.string(),
  })
  .meta({ id: 'SubscriberExport' });

export const exportPageSchema = pageSchema('SubscriberExportPage', exportSchema);

/** An export as answers show it. */
export function exportView(context: DoorContext, job: SubscriberExport): z.input<typeof exportSchema> {
  const { id, subscriberId, format, state, counts, bytes, createdAt, readyAt, expiresAt } = job;
  const { WAYBILL_PUBLIC_URL: publicUrl = '' } = context.settings.of(notificationsConfig);
  return {
    id,
    subscriberId,
    format,
    state,
    counts,
    bytes,
    createdAt: moment(createdAt),
    readyAt: readyAt === undefined ? null : moment(readyAt),
    expiresAt: expiresAt === undefined ? null : moment(expiresAt),
    link: state === 'ready' ? `${publicUrl}${DOWNLOAD_PATH}/${exportToken(context.keyring, job)}` : null,
    workflowUrl: context.workflowUrl(subscriberExportWorkflowId(id)),
  };
}
