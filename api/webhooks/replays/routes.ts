import {
  commandReplay,
  findReplay,
  listReplays,
  REPLAY_COMMANDS,
  type ReplayCommand,
  type ReplayWish,
  readReplayOutcomes,
  startReplay,
  tryReplay,
} from '../../../domains/webhooks';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { Problem } from '../../http/problems';
import { type Route, route, type TenantContext } from '../../http/route';
import { endpointParams } from '../endpoints/schemas';
import {
  countView,
  discardManySchema,
  newReplaySchema,
  recoverSchema,
  replayCountSchema,
  replayDetail,
  replayDetailSchema,
  replayPageSchema,
  replayParams,
  replayQuery,
  replaySchema,
  replayView,
  retryManySchema,
} from './schemas';
import { ofDeadLetters, ofDeliveries } from './wishes';

const TAG = 'Replays';
const CURSOR = byId('replays');
const STARTED = {
  200: { description: 'Of a dry run: how many there are. Nothing is changed.', body: replayCountSchema },
  202: { description: 'It goes on by itself.', body: replaySchema, headers: { Location: "The replay's path." } },
};
const SUMMARIES: Readonly<Record<ReplayCommand, string>> = {
  pause: 'Pause a replay',
  resume: 'Go on with a paused replay',
  cancel: 'End a replay; what it has reopened and nobody attempted goes back',
};

export function replayRoutes(deps: DoorContext): Route[] {
  const { pool, reads, workflowUrl } = deps;

  async function start(context: TenantContext, wish: ReplayWish, dryRun: boolean) {
    if (dryRun) return { status: 200 as const, body: countView(await tryReplay(deps, context.tenantId, wish)) };
    const replay = await startReplay(deps, context, wish);
    const headers = { location: `/v1/replays/${replay.id}` };
    return { status: 202 as const, headers, body: replayView(replay, workflowUrl) };
  }

  return [
    route({
      method: 'post',
      path: '/v1/replays',
      operationId: 'createReplay',
      tag: TAG,
      summary: 'Deliver again what failed',
      description:
        'Reopens the deliveries that fit, with their attempts, their `webhook-id` and their whole retry schedule, as fast as ' +
        'their endpoints take them. Those of disabled endpoints, and those whose content has expired, are left alone; for a ' +
        'paused endpoint they are held. What changes after the request is not replayed.',
      scope: 'deliveries:write',
      body: newReplaySchema,
      responses: STARTED,
      problems: ['wrong-state'],
      handler: ({ body }, context) => start(context, ofDeliveries(body.endpointId, body), body.dryRun),
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/recover',
      operationId: 'recoverEndpoint',
      tag: TAG,
      summary: 'Deliver again what failed at an endpoint since a moment',
      description: 'A replay of one endpoint. Refused with 409 if the endpoint is disabled.',
      scope: 'deliveries:write',
      params: endpointParams,
      body: recoverSchema,
      responses: STARTED,
      problems: ['wrong-state'],
      handler: ({ params, body }, context) => start(context, ofDeliveries(params.id, body), body.dryRun),
    }),
    route({
      method: 'post',
      path: '/v1/dead-letters/retry',
      operationId: 'retryDeadLetters',
      tag: 'Dead letters',
      summary: 'Retry all open dead letters that fit',
      description: 'A replay: the answer says where it stands, and it can be paused and cancelled.',
      scope: 'dead-letters:write',
      body: retryManySchema,
      responses: STARTED,
      problems: ['wrong-state'],
      handler: ({ body: { filter, ratePerSecond, dryRun } }, context) =>
        start(context, ofDeadLetters('replay', filter, { rateLimit: ratePerSecond, reason: undefined }), dryRun),
    }),
    route({
      method: 'post',
      path: '/v1/dead-letters/discard',
      operationId: 'discardDeadLetters',
      tag: 'Dead letters',
      summary: 'Discard all open dead letters that fit',
      description: 'Goes on by itself, as a replay does. The audit log keeps who did it, why, and how many there were.',
      scope: 'dead-letters:write',
      body: discardManySchema,
      responses: STARTED,
      handler: ({ body: { filter, reason, dryRun } }, context) =>
        start(context, ofDeadLetters('discard', filter, { rateLimit: undefined, reason }), dryRun),
    }),
    route({
      method: 'get',
      path: '/v1/replays',
      operationId: 'listReplays',
      tag: TAG,
      summary: 'List replays, newest first',
      scope: 'deliveries:read',
      query: replayQuery,
      responses: { 200: { description: 'A page of replays.', body: replayPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listReplays(reads, tenantId, { state: query.state }, request);
        return { status: 200, body: pageBody(CURSOR, request, page, (replay) => replayView(replay, workflowUrl)) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/replays/{id}',
      operationId: 'getReplay',
      tag: TAG,
      summary: 'Get a replay, and what has become of its deliveries',
      scope: 'deliveries:read',
      params: replayParams,
      responses: { 200: { description: 'The replay.', body: replayDetailSchema } },
      handler: async ({ params: { id } }, { tenantId }) => {
        const replay = await findReplay(pool, tenantId, id);
        if (replay === undefined) throw new Problem('not-found');
        return { status: 200, body: replayDetail(replay, await readReplayOutcomes(reads, id), workflowUrl) };
      },
    }),
    ...REPLAY_COMMANDS.map((command) =>
      route({
        method: 'post',
        path: `/v1/replays/{id}/${command}`,
        operationId: `${command}Replay`,
        tag: TAG,
        summary: SUMMARIES[command],
        scope: 'deliveries:write',
        params: replayParams,
        responses: { 200: { description: 'The replay as it is now.', body: replaySchema } },
        problems: ['wrong-state'],
        handler: async ({ params: { id } }, { tenantId }) => ({
          status: 200,
          body: replayView(await commandReplay(deps, tenantId, { id, command }), workflowUrl),
        }),
      }),
    ),
  ];
}
