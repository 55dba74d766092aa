import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import { asId } from '../../core/ids';
import { appendAudit } from '../../domains/ledger';
import {
  findReconciliation,
  listReconciliationItems,
  listReconciliations,
  type Reconciliation,
  readReconciliationFile,
  reconcile,
  type SettledDay,
  settledDay,
} from '../../domains/settlement';
import { inTransaction } from '../../infra/postgres/pool';
import { byId, byNumber, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { Problem } from '../http/problems';
import { type Route, route, type TenantContext } from '../http/route';
import { pageQuery } from '../http/schemas';
import {
  reconciliationFileSchema,
  reconciliationItemPageSchema,
  reconciliationItemQuery,
  reconciliationItemView,
  reconciliationPageSchema,
  reconciliationParams,
  reconciliationSchema,
  reconciliationView,
} from './reconciliation-schemas';
import { dateParams } from './schemas';

const TAG = 'Reconciliation';
const PATH = '/api/v2/finance/settlement/{date}/reconciliation';
/** Some 300,000 lines. A day has to be in one file: of a part of it all the rest would be missing. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const CURSOR = byId('reconciliations');
const ITEM_CURSOR = byNumber('reconciliation-items');

export function reconciliationRoutes({ pool }: Pick<DoorContext, 'pool'>): Route[] {
  return [
    route({
      method: 'post',
      path: PATH,
      operationId: 'reconcileSettlement',
      tag: TAG,
      summary: 'Hold a settled day against a file of a bank or provider',
      description:
        'Transactions and lines are matched by reference, and by type where the file has types. The variance of each ' +
        'currency is the sum of all transactions of the day less the sum of all lines. A file has 16 MiB at most.',
      scope: 'finance:settle',
      params: dateParams,
      mediaTypes: ['text/csv'],
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
      handler: async ({ params, body }, context) => {
        const day = await settledDay(pool, context.tenantId, params.date);
        const found = await reconcileFile(pool, day, body, context);
        return {
          status: 201,
          headers: { location: `${PATH.replace('{date}', day.date)}/${found.id}` },
          body: reconciliationView(day.date, found),
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
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page of reconciliations.', body: reconciliationPageSchema } },
      problems: ['wrong-state'],
      handler: async ({ params, query }, { tenantId }) => {
        const day = await settledDay(pool, tenantId, params.date);
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listReconciliations(pool, day.runId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (found) => reconciliationView(day.date, found)) };
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
        const day = await settledDay(pool, tenantId, params.date);
        const found = await findReconciliation(pool, tenantId, day.runId, params.id);
        if (found === undefined) throw new Problem('not-found');
        return { status: 200, body: reconciliationView(day.date, found) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{id}/items`,
      operationId: 'listReconciliationItems',
      tag: TAG,
      summary: 'List what a reconciliation found, what did not match first',
      scope: 'finance:read',
      params: reconciliationParams,
      query: reconciliationItemQuery,
      responses: { 200: { description: 'A page of transactions and lines.', body: reconciliationItemPageSchema } },
      problems: ['wrong-state'],
      handler: async ({ params, query }, { tenantId }) => {
        const day = await settledDay(pool, tenantId, params.date);
        const found = await findReconciliation(pool, tenantId, day.runId, params.id);
        if (found === undefined) throw new Problem('not-found');
        const request = pageRequest(ITEM_CURSOR, query, 'asc');
        const page = await listReconciliationItems(pool, found.id, query.status, request);
        return { status: 200, body: pageBody(ITEM_CURSOR, request, page, reconciliationItemView) };
      },
    }),
  ];
}

async function reconcileFile(
  pool: Pool,
  day: SettledDay,
  text: string,
  { tenantId, keyId, effectId, fence }: TenantContext,
): Promise<Reconciliation> {
  const file = readReconciliationFile(text);
  if (!file.ok) {
    throw new Problem('validation-failed', {
      errors: file.errors.map(({ line, detail }) => ({
        in: 'body',
        pointer: `#/lines/${line}`,
        detail: `line ${line}: ${detail}`,
      })),
    });
  }
  const id = asId('reconciliation', effectId);
  return inTransaction(pool, async (client) => {
    await fence(client);
    const known = await findReconciliation(client, tenantId, day.runId, id);
    if (known !== undefined) return known;
    const fileHash = createHash('sha256').update(text).digest();
    const found = await reconcile(client, { id, tenantId, runId: day.runId, actor: keyId, fileHash, ...file });
    const { state, counts, totals } = reconciliationView(day.date, found);
    await appendAudit(client, tenantId, {
      actor: keyId,
      action: 'settlement.reconciled',
      subject: day.date,
      payload: { reconciliationId: id, fileSha256: found.fileHash, lines: found.lineCount, state, counts, totals },
    });
    return found;
  });
}
