import {
  cancelBulk,
  findBulk,
  listBulkRows,
  listBulks,
  MOST_LISTED,
  readCsvRows,
  startBulkSuppression,
} from '../../domains/preferences';
import { byId, byNumber, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { invalidField, Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import {
  bulkPageSchema,
  bulkParams,
  bulkQuery,
  bulkRowPageSchema,
  bulkRowQuery,
  bulkRowView,
  bulkSchema,
  bulkView,
  csvSchema,
  newBulkQuery,
  rowsSchema,
} from './bulk-suppression-schemas';

const TAG = 'Bulk suppressions';
const PATH = '/v1/bulk-suppressions';
const CURSOR = byId('bulk-suppressions');
const ROW_CURSOR = byNumber('bulk-suppression-rows');
/** It is read as it arrives, so this bounds what is stored, not what is in memory. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

export function bulkSuppressionRoutes(context: DoorContext): Route[] {
  const { pool, reads, workflowUrl } = context;
  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'createBulkSuppression',
      tag: TAG,
      summary: 'Suppress many addresses',
      description:
        `A list of up to ${MOST_LISTED} rows in JSON, or CSV with up to \`WAYBILL_BULK_SUPPRESSION_MAX_ROWS\`, which is read as ` +
        'it arrives. What is wrong with a row is said of that row; a file that is no CSV, or whose header does not fit, is ' +
        'refused as a whole. From `WAYBILL_BULK_SUPPRESSION_FOUR_EYES_FROM` rows on, another API key has to approve it ' +
        'first: see `approvalId`. A repetition with the same key is answered with the bulk suppression as it is by then.',
      scope: 'suppressions:write',
      idempotency: 'kept',
      query: newBulkQuery,
      mediaTypes: ['application/json', 'text/csv'],
      streamed: { 'text/csv': csvSchema },
      maxStreamedBytes: MAX_FILE_BYTES,
      body: rowsSchema.optional(),
      responses: {
        202: {
          description: 'It goes on by itself, or waits for another API key.',
          body: bulkSchema,
          headers: { Location: "The bulk suppression's path." },
        },
      },
      problems: ['wrong-state'],
      handler: async ({ query, body, stream }, by) => {
        const rows = stream === undefined ? body : readCsvRows(stream);
        if (rows === undefined) throw invalidField('body', '#', 'is missing: a list of rows');
        const { reason, note, channel } = query;
        const wish = { reason, note, channel, dryRun: query.dryRun === 'true' };
        const bulk = await startBulkSuppression(context, by, wish, rows);
        return { status: 202, headers: { location: `${PATH}/${bulk.id}` }, body: bulkView(bulk, workflowUrl) };
      },
    }),
    route({
      method: 'get',
      path: PATH,
      operationId: 'listBulkSuppressions',
      tag: TAG,
      summary: 'List bulk suppressions, newest first',
      scope: 'suppressions:read',
      query: bulkQuery,
      responses: { 200: { description: 'A page of bulk suppressions.', body: bulkPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listBulks(reads, tenantId, { state: query.state }, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (bulk) => bulkView(bulk, workflowUrl)) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}`,
      operationId: 'getBulkSuppression',
      tag: TAG,
      summary: 'Get a bulk suppression, and how far it is',
      scope: 'suppressions:read',
      params: bulkParams,
      responses: { 200: { description: 'The bulk suppression.', body: bulkSchema } },
      handler: async ({ params: { id } }, { tenantId }) => {
        const bulk = await findBulk(pool, tenantId, id);
        if (bulk === undefined) throw new Problem('not-found');
        return { status: 200, body: bulkView(bulk, workflowUrl) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}/rows`,
      operationId: 'listBulkSuppressionRows',
      tag: TAG,
      summary: "List a bulk suppression's rows, and what became of each",
      description:
        'In their order. They are removed with their bulk suppression, `WAYBILL_BULK_SUPPRESSION_RETENTION` after it has ended.',
      scope: 'suppressions:read',
      params: bulkParams,
      query: bulkRowQuery,
      responses: { 200: { description: 'A page of rows.', body: bulkRowPageSchema } },
      handler: async ({ params: { id }, query }, { tenantId }) => {
        if ((await findBulk(reads, tenantId, id)) === undefined) throw new Problem('not-found');
        const request = pageRequest(ROW_CURSOR, query, 'asc');
        const page = await listBulkRows(reads, id, { result: query.result }, request);
        return { status: 200, body: pageBody(ROW_CURSOR, request, page, (row) => bulkRowView(context, row)) };
      },
    }),
    route({
      method: 'post',
      path: `${PATH}/{id}/cancel`,
      operationId: 'cancelBulkSuppression',
      tag: TAG,
      summary: 'Cancel a bulk suppression',
      description:
        'Rows that are done stay so, the others are left as they are. One that has ended is answered with 409.',
      scope: 'suppressions:write',
      params: bulkParams,
      responses: { 200: { description: 'The bulk suppression as it is now.', body: bulkSchema } },
      problems: ['wrong-state'],
      handler: async ({ params: { id } }, { tenantId, keyId }) => ({
        status: 200,
        body: bulkView(await cancelBulk(context, { tenantId, actor: keyId }, id), workflowUrl),
      }),
    }),
  ];
}
