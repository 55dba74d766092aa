import { isDate } from '../../core/calendar-date';
import type { PublicId } from '../../core/ids';
import {
  listRuns,
  previewDay,
  retrySettlement,
  showSettlement,
  showStatements,
  summarizeSettlements,
  triggerSettlement,
} from '../../domains/settlement';
import { type CursorKind, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { auditRoutes } from './audit-routes';
import { correctionRoutes } from './correction-routes';
import { settlementExportRoutes } from './export-routes';
import { payoutRoutes } from './payout-routes';
import { reconciliationRoutes } from './reconciliation-routes';
import {
  dateParams,
  historyQuery,
  runDetailSchema,
  runPageSchema,
  runSchema,
  runView,
  statementParams,
  statementsSchema,
  statementView,
  summaryQuery,
  summarySchema,
  triggerQuery,
} from './schemas';
import { holdView, setAsideRoutes } from './set-aside-routes';

const TAG = 'Settlement';
const BASE = '/api/v2/finance/settlement';
const CURSOR: CursorKind = { list: 'settlement-runs', isKey: isDate };

export function settlementRoutes(deps: DoorContext): Route[] {
  const { pool, reads, workflowUrl } = deps;

  const triggered = async (tenantId: PublicId, wanted: string | undefined, dryRun: boolean) => {
    if (dryRun) {
      const { date, statements } = await previewDay({ pool: reads }, tenantId, wanted);
      return { status: 200 as const, body: { date, data: statements.map(statementView) } };
    }
    const { run, completed } = await triggerSettlement(deps, tenantId, wanted);
    const body = runView(run, workflowUrl);
    if (completed) return { status: 200 as const, body };
    return { status: 202 as const, headers: { location: `${BASE}/${run.businessDate}` }, body };
  };
  const triggerResponses = {
    200: {
      description: 'Its result, if it was completed before; with `dryRun`, the statements.',
      body: runSchema.or(statementsSchema),
    },
    202: { description: 'It has started.', body: runSchema, headers: { Location: 'Where its result will be.' } },
  };
  const description =
    'Days are settled in order: earlier ones that are not settled yet come first. A completed day answers with its ' +
    'result. A day that is not over is refused with 422; one that is being settled, has to be retried, or follows one ' +
    'that has to be, with 409.';

  return [
    route({
      method: 'post',
      path: `${BASE}/trigger`,
      operationId: 'triggerLastSettlement',
      tag: TAG,
      summary: 'Settle the last day that is over',
      description,
      scope: 'finance:settle',
      idempotency: 'required',
      query: triggerQuery,
      responses: triggerResponses,
      problems: ['period-open', 'wrong-state'],
      handler: ({ query }, { tenantId }) => triggered(tenantId, undefined, query.dryRun === 'true'),
    }),
    route({
      method: 'post',
      path: `${BASE}/trigger/{date}`,
      operationId: 'triggerSettlement',
      tag: TAG,
      summary: 'Settle a day',
      description,
      scope: 'finance:settle',
      idempotency: 'required',
      params: dateParams,
      query: triggerQuery,
      responses: triggerResponses,
      problems: ['period-open', 'wrong-state'],
      handler: ({ params, query }, { tenantId }) => triggered(tenantId, params.date, query.dryRun === 'true'),
    }),
    route({
      method: 'post',
      path: `${BASE}/retry/{date}`,
      operationId: 'retrySettlement',
      tag: TAG,
      summary: 'Retry a day that failed or needs a review',
      description: 'Continues with what the day has claimed. A completed day cannot be settled again.',
      scope: 'finance:settle',
      idempotency: 'required',
      params: dateParams,
      responses: {
        202: { description: 'It has started.', body: runSchema, headers: { Location: 'Where its result will be.' } },
      },
      problems: ['wrong-state'],
      handler: async ({ params }, context) => {
        const run = await retrySettlement(deps, context, params.date);
        return { status: 202, headers: { location: `${BASE}/${params.date}` }, body: runView(run, workflowUrl) };
      },
    }),
    route({
      method: 'get',
      path: `${BASE}/history`,
      operationId: 'listSettlements',
      tag: TAG,
      summary: 'List settlements, newest day first',
      scope: 'finance:read',
      query: historyQuery,
      responses: { 200: { description: 'A page of settlements.', body: runPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const filter = { from: query.from, to: query.to, state: query.status };
        const page = await listRuns(reads, tenantId, filter, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (run) => runView(run, workflowUrl)) };
      },
    }),
    route({
      method: 'get',
      path: `${BASE}/stats/summary`,
      operationId: 'summarizeSettlements',
      tag: TAG,
      summary: 'Sum up the settlements of some days',
      scope: 'finance:read',
      query: summaryQuery,
      responses: { 200: { description: 'Counts, rates and sums by currency.', body: summarySchema } },
      handler: async ({ query }, { tenantId }) => ({
        status: 200,
        body: await summarizeSettlements(reads, tenantId, query),
      }),
    }),
    ...auditRoutes(deps),
    ...correctionRoutes(deps),
    ...setAsideRoutes(deps),
    ...settlementExportRoutes(deps),
    ...reconciliationRoutes(deps),
    ...payoutRoutes(deps),
    route({
      method: 'get',
      path: `${BASE}/{date}`,
      operationId: 'getSettlement',
      tag: TAG,
      summary: 'Get the settlement of a day',
      scope: 'finance:read',
      params: dateParams,
      responses: { 200: { description: 'The settlement and its totals.', body: runDetailSchema } },
      handler: async ({ params }, { tenantId }) => {
        const { run, totals, setAside, setAsideCount } = await showSettlement(pool, tenantId, params.date);
        const body = { ...runView(run, workflowUrl), totals, setAsideCount, setAside: setAside.map(holdView) };
        return { status: 200, body };
      },
    }),
    route({
      method: 'get',
      path: `${BASE}/{date}/merchants/{merchantId}`,
      operationId: 'getStatements',
      tag: TAG,
      summary: "Get a merchant's statements of a day, one per currency",
      scope: 'finance:read',
      params: statementParams,
      responses: { 200: { description: 'The statements.', body: statementsSchema } },
      handler: async ({ params }, { tenantId }) => {
        const statements = await showStatements(reads, { tenantId, ...params });
        return { status: 200, body: { date: params.date, data: statements.map(statementView) } };
      },
    }),
  ];
}
