import { z } from 'zod';
import { BYTE_ORDER_MARK } from '../../core/csv';
import { exportDay } from '../../domains/settlement';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { exportedDayView, exportQuery, exportSchema, statementView, transactionView } from './export-schemas';
import { dateParams } from './schemas';

const VIEWS = { day: exportedDayView, statement: statementView, transaction: transactionView };

const FILES = {
  csv: { contentType: 'text/csv', ending: 'csv' },
  camt053: { contentType: 'application/xml', ending: 'camt053.xml' },
  json: { contentType: 'application/json', ending: 'json' },
} as const;

export function settlementExportRoutes({ reads }: Pick<DoorContext, 'reads'>): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v2/finance/settlement/{date}/export',
      operationId: 'exportSettlement',
      tag: 'Settlement',
      summary: 'Export a settled day',
      description:
        'As CSV (RFC 4180; amounts in major units; texts that a spreadsheet would take for a formula begin with an ' +
        "apostrophe), as ISO 20022 camt.053.001.08 (a statement per merchant and currency; a day's closing balance is " +
        "the next day's opening balance), or as JSON (amounts in minor units). A day held for review is marked as such.",
      scope: 'finance:read',
      params: dateParams,
      query: exportQuery,
      responses: {
        200: {
          description: 'The day.',
          formats: {
            'text/csv': z.string(),
            'application/xml': z.string(),
            'application/json': exportSchema,
          },
          headers: { 'Content-Disposition': "The file's name." },
        },
      },
      problems: ['wrong-state'],
      handler: async ({ params: { date }, query: { format, detail, bom } }, { tenantId }) => {
        const body = await exportDay({ pool: reads }, { tenantId, date, format, detail, views: VIEWS });
        const { contentType, ending } = FILES[format];
        return {
          status: 200,
          contentType,
          headers: { 'content-disposition': `attachment; filename="settlement-${date}.${ending}"` },
          body: format === 'csv' && bom === 'true' ? after(BYTE_ORDER_MARK, body) : body,
        };
      },
    }),
  ];
}

async function* after(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}
