import { z } from 'zod';
import {
  reconcileDay,
  settlementDeps,
  showReconciliation,
  showReconciliationItems,
  showReconciliations,
} from '../../domains/settlement';
import { byId, byNumber, followQuery, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { type FieldError, Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { pageQuery } from '../http/schemas';
import {
  reconciliationFileSchema,
  reconciliationItemPageSchema,
  reconciliationItemQuery,
  reconciliationItemView,
  reconciliationPageSchema,
  reconciliationParams,
  reconciliationQuery,
  reconciliationSchema,
  reconciliationView,
} from './reconciliation-schemas';
import { dateParams } from './schemas';

const TAG = 'Reconciliation';
const PATH = '/api/v2/finance/settlement/{date}/reconciliation';
/** About 300,000 lines. A day has to be in one file: with only a part of it, all the rest would be missing. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const DECIMALS = { point: '.', comma: ',' } as const;
const CURSOR = byId('reconciliations');
const ITEM_CURSOR = byNumber('reconciliation-items');

export function reconciliationRoutes(context: DoorContext): Route[] {
  const { pool, reads } = context;
  const deps = settlementDeps(context);
  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'reconcileSettlement',
      tag: TAG,
      summary: 'Compare a settled day with a file of a bank or provider',
      description:
        'Lines and transactions are matched one by one: by any name that the transaction has (its own id, with or without ' +
        "the underscore, the provider's reference, the order's reference), by type where the file has types, among the " +
        "day's transactions first and then those of the days around it. `confidence` says how. Wallet payments and " +
        'adjustments count only if the file has them. A payout in the file is `paid`, and one that came back is owed ' +
        'again. A file may have up to 16 MiB.',
      scope: 'finance:settle',
      params: dateParams,
      query: reconciliationQuery,
      mediaTypes: ['text/csv', 'application/xml', 'text/xml'],
      bodyCharset: 'any',
      maxBodyBytes: MAX_FILE_BYTES,
      body: reconciliationFileSchema,
      responses: {
        201: {
          description: 'What was found.',
          body: reconciliationSchema,
          headers: { Location: "The reconciliation's path." },
        },
      },
      problems: ['wrong-state'],
      handler: async ({ params: { date }, query, body: text }, by) => {
        const reconciled = await reconcileDay(deps, by, {
          date,
          text,
          days: Number(query.days),
          delimiter: query.delimiter,
          decimal: query.decimal && DECIMALS[query.decimal],
        });
        if (!reconciled.ok) throw new Problem('validation-failed', { errors: reconciled.errors.map(lineError) });
        const { reconciliation } = reconciled;
        return {
          status: 201,
          headers: { location: `${PATH.replace('{date}', date)}/${reconciliation.id}` },
          body: reconciliationView(date, reconciliation),
        };
      },
    }),
    route({
      method: 'get',
      path: PATH,
      operationId: 'listReconciliations',
      tag: TAG,
      summary: "List a day's reconciliations, newest first",
      scope: 'finance:read',
      params: dateParams,
      query: z.strictObject({ ...pageQuery, ...followQuery }),
      responses: { 200: { description: 'A page of reconciliations.', body: reconciliationPageSchema } },
      problems: ['wrong-state'],
      handler: async ({ params: { date }, query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await showReconciliations(reads, { tenantId, date }, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (found) => reconciliationView(date, found)) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}`,
      operationId: 'getReconciliation',
      tag: TAG,
      summary: 'Get a reconciliation',
      scope: 'finance:read',
      params: reconciliationParams,
      responses: { 200: { description: 'What was found.', body: reconciliationSchema } },
      problems: ['wrong-state'],
      handler: async ({ params }, { tenantId }) => {
        const found = await showReconciliation(pool, { tenantId, ...params });
        return { status: 200, body: reconciliationView(params.date, found) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}/items`,
      operationId: 'listReconciliationItems',
      tag: TAG,
      summary: "List a reconciliation's items, mismatches first",
      scope: 'finance:read',
      params: reconciliationParams,
      query: reconciliationItemQuery,
      responses: { 200: { description: 'A page of transactions and lines.', body: reconciliationItemPageSchema } },
      problems: ['wrong-state'],
      handler: async ({ params, query }, { tenantId }) => {
        const request = pageRequest(ITEM_CURSOR, query, 'asc');
        const page = await showReconciliationItems(reads, { tenantId, ...params }, query.status, request);
        return { status: 200, body: pageBody(ITEM_CURSOR, request, page, reconciliationItemView) };
      },
    }),
  ];
}

function lineError({ line, detail }: { line: number; detail: string }): FieldError {
  return { in: 'body', pointer: `#/lines/${line}`, detail: `line ${line}: ${detail}` };
}
