import {
  discardDeadLetter,
  findDeadLetter,
  listAttempts,
  listDeadLetters,
  openDeadLetterCounts,
  retryDeadLetter,
} from '../../../domains/webhooks';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { commandAnswer } from '../deliveries/command-answer';
import { commandSchema } from '../deliveries/schemas';
import {
  deadLetterDetail,
  deadLetterDetailSchema,
  deadLetterPageSchema,
  deadLetterParams,
  deadLetterQuery,
  deadLetterSchema,
  deadLetterStatsQuery,
  deadLetterStatsSchema,
  deadLetterStatsView,
  deadLetterView,
  discardSchema,
  LATEST_ATTEMPTS,
} from './schemas';

const TAG = 'Dead letters';
const CURSOR = byId('dead-letters');

export function deadLetterRoutes(deps: DoorContext): Route[] {
  const { pool, reads, workflowUrl } = deps;
  const counts = deps.once(openDeadLetterCounts);

  return [
    route({
      method: 'get',
      path: '/v1/dead-letters',
      operationId: 'listDeadLetters',
      tag: TAG,
      summary: 'List dead letters, newest first',
      description:
        'A dead letter is a delivery that was given up. Only open ones are listed unless `state` says otherwise.',
      scope: 'dead-letters:read',
      query: deadLetterQuery,
      responses: { 200: { description: 'A page of dead letters.', body: deadLetterPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const filter = { ...query, state: query.state === 'any' ? undefined : query.state };
        const page = await listDeadLetters(reads, tenantId, filter, request);
        return { status: 200, body: pageBody(CURSOR, request, page, deadLetterView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/dead-letters/stats',
      operationId: 'getDeadLetterStats',
      tag: TAG,
      summary: 'Count open dead letters by reason, endpoint, event type and hour',
      description: 'Counted at most 15 seconds ago, and after the last retry or discard of a single one.',
      scope: 'dead-letters:read',
      query: deadLetterStatsQuery,
      responses: { 200: { description: 'What is open.', body: deadLetterStatsSchema } },
      handler: async ({ query }, { tenantId }) => ({
        status: 200,
        body: deadLetterStatsView(await counts.read(tenantId, query), new Date()),
      }),
    }),
    route({
      method: 'get',
      path: '/v1/dead-letters/{id}',
      operationId: 'getDeadLetter',
      tag: TAG,
      summary: 'Get a dead letter with the attempts of its delivery',
      scope: 'dead-letters:read',
      params: deadLetterParams,
      responses: { 200: { description: 'The dead letter.', body: deadLetterDetailSchema } },
      handler: async ({ params }, { tenantId }) => {
        const letter = await findDeadLetter(pool, tenantId, params.id);
        if (letter === undefined) throw new Problem('not-found');
        const attempts = await listAttempts(reads, letter.deliveryId, { order: 'desc', limit: LATEST_ATTEMPTS });
        return { status: 200, body: deadLetterDetail(letter, attempts.rows) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/dead-letters/{id}/retry',
      operationId: 'retryDeadLetter',
      tag: TAG,
      summary: 'Run the delivery through its whole retry schedule again',
      scope: 'dead-letters:write',
      params: deadLetterParams,
      responses: {
        202: {
          description: 'The delivery goes on.',
          body: commandSchema,
          headers: { Location: "The dead letter's path." },
        },
      },
      problems: ['wrong-state', 'attempt-in-flight'],
      handler: async ({ params: { id } }, { tenantId }) => {
        const result = await retryDeadLetter(deps, tenantId, id);
        const hint = 'only open dead letters can be retried.';
        return commandAnswer(result, { id, path: `/v1/dead-letters/${id}`, hint, workflowUrl });
      },
    }),
    route({
      method: 'post',
      path: '/v1/dead-letters/{id}/discard',
      operationId: 'discardDeadLetter',
      tag: TAG,
      summary: 'Close a dead letter without a further attempt',
      description: 'The audit log keeps who did it and why. One that is discarded already stays as it is.',
      scope: 'dead-letters:write',
      params: deadLetterParams,
      body: discardSchema,
      responses: { 200: { description: 'The dead letter, discarded.', body: deadLetterSchema } },
      problems: ['wrong-state'],
      handler: async ({ params: { id }, body: { reason } }, context) => ({
        status: 200,
        body: deadLetterView(await discardDeadLetter(deps, context, { id, reason })),
      }),
    }),
  ];
}
