import { z } from 'zod';
import { exportSuppressions } from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { exportQuery, filterOf } from './suppression-schemas';

export function suppressionExportRoute(context: DoorContext): Route {
  return route({
    method: 'get',
    path: '/v1/suppressions/export',
    operationId: 'exportSuppressions',
    tag: 'Suppressions',
    summary: 'Export suppressions',
    description:
      'As CSV (RFC 4180), oldest first, in one stream however many they are; the first line names the columns. Texts that a ' +
      'spreadsheet would take for a formula, as phone numbers are, begin with an apostrophe.',
    scope: 'suppressions:read',
    query: exportQuery,
    responses: {
      200: {
        description: 'The suppressions.',
        body: z.string(),
        contentType: 'text/csv',
        headers: { 'Content-Disposition': "The file's name." },
      },
    },
    handler: async ({ query }, { tenantId }) => ({
      status: 200,
      headers: { 'content-disposition': 'attachment; filename="suppressions.csv"' },
      body: await exportSuppressions(context, tenantId, await filterOf(context, tenantId, query)),
    }),
  });
}
