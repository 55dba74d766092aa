import { z } from 'zod';
import {
  downloadExport,
  listExports,
  requestExport,
  requireExport,
  requireSubscriber,
} from '../../domains/preferences';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { pageQuery } from '../http/schemas';
import {
  DOWNLOAD_PATH,
  exportPageSchema,
  exportParams,
  exportSchema,
  exportView,
  newExportSchema,
} from './export-schemas';
import { subscriberParams } from './shared-schemas';

const TAG = 'Subscribers';
const PATH = '/v1/subscribers/{id}/exports';
const CURSOR = byId('subscriber-exports');

const token = z
  .string()
  .min(1)
  .max(1_000)
  .meta({ description: 'Says which export; only Waybill can make it.', example: 'AQR0ZXN0' });

export function exportRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'createSubscriberExport',
      tag: TAG,
      summary: 'Export everything held about a subscriber',
      description:
        'Profile, addresses, choices, suppressions of their addresses, the consent log with its proof, changes, notifications ' +
        "with every send and decision, and the inbox. It is collected by itself, kept encrypted with the subscriber's key, " +
        'and gone when it expires or they are erased.',
      scope: 'subscribers:export',
      params: subscriberParams,
      body: newExportSchema,
      responses: {
        202: { description: 'It goes on by itself.', body: exportSchema, headers: { Location: "The export's path." } },
      },
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId, keyId, effectId, fence }) => {
        const effect = { tenantId, keyId, effectId, fence };
        const job = await requestExport(context, effect, params.id, body.format);
        const headers = { location: `/v1/subscribers/${params.id}/exports/${job.id}` };
        return { status: 202, headers, body: exportView(context, job) };
      },
    }),
    route({
      method: 'get',
      path: PATH,
      operationId: 'listSubscriberExports',
      tag: TAG,
      summary: "List a subscriber's exports, newest first",
      scope: 'subscribers:export',
      params: subscriberParams,
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page of exports.', body: exportPageSchema } },
      handler: async ({ params, query }, { tenantId }) => {
        await requireSubscriber(pool, tenantId, params.id);
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listExports(reads, params.id, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (job) => exportView(context, job)) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{exportId}`,
      operationId: 'getSubscriberExport',
      tag: TAG,
      summary: 'Get an export, with its link once it is ready',
      scope: 'subscribers:export',
      params: exportParams,
      responses: { 200: { description: 'The export.', body: exportSchema } },
      handler: async ({ params: { id: subscriberId, exportId: id } }, { tenantId }) => {
        const job = await requireExport(context, { tenantId, subscriberId, id });
        return { status: 200, body: exportView(context, job) };
      },
    }),
    downloadRoute(context),
  ];
}

/** Where the link of an export leads. Whoever has it needs no API key, so that it can be given to whom it is about. */
function downloadRoute(context: DoorContext): Route {
  return {
    method: 'get',
    path: `${DOWNLOAD_PATH}/{token}`,
    operationId: 'downloadSubscriberExport',
    tag: TAG,
    summary: 'Download an export by its link',
    description:
      'As JSON, or as CSV (RFC 4180) with a line for each value: part, record, field, value. Texts that a spreadsheet would ' +
      'take for a formula begin with an apostrophe. The audit log has each download.',
    scope: undefined,
    params: z.object({ token }),
    responses: {
      200: {
        description: 'The export.',
        formats: { 'application/json': z.record(z.string(), z.unknown()), 'text/csv': z.string() },
        headers: { 'Content-Disposition': "The file's name." },
      },
    },
    problems: ['not-found', 'gone', 'unavailable'],
    prepare:
      ({ params }) =>
      async () => {
        const { id, format, text } = await downloadExport(context, (params as { token: string }).token);
        return {
          status: 200,
          contentType: format === 'csv' ? 'text/csv' : 'application/json',
          headers: { 'content-disposition': `attachment; filename="${id}.${format}"` },
          body: text,
        };
      },
  };
}
