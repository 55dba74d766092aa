import { z } from 'zod';
import type { IdempotencyOptions } from '../../api/http/idempotency/idempotency';
import { type Route, type RouteResult, route, type TenantContext } from '../../api/http/route';
import { toUuid } from '../../core/ids';
import { inTransaction } from '../../infra/postgres/pool';
import { createApi, type TestApi } from './api-support';
import { type Answered, type ProbeProcess, startProcess } from './idempotency-support';

/** What the handler of `POST /v1/probes/{id}` does. */
export type Behaviour = (context: TenantContext, body: unknown, id: string) => Promise<RouteResult>;

/** Processes of one API with a route whose handler does what the test says, and the effects that it has. */
export interface Probes {
  api: TestApi;
  start(behave: Behaviour, options?: IdempotencyOptions, pool?: TestApi['deps']['pool']): Promise<ProbeProcess>;
  /** Applies the effect once, however often it is tried. */
  haveEffect(context: TenantContext, id: string): Promise<void>;
  effects(id: string): Promise<{ tries: number }[]>;
  /** Closes the processes started so far. */
  closeProcesses(): Promise<void>;
}

export async function createProbes(): Promise<Probes> {
  const api = await createApi();
  const { pool } = api.deps;
  await pool.query('CREATE TABLE effects (id uuid PRIMARY KEY, route_id text NOT NULL, tries integer NOT NULL)');
  const processes: ProbeProcess[] = [];
  return {
    api,
    async start(behave, options = {}, ownPool = pool) {
      const probe = await startProcess(api, probeRoutes(behave), options, ownPool);
      processes.push(probe);
      return probe;
    },
    async haveEffect({ effectId, fence }, id) {
      await inTransaction(pool, async (client) => {
        await fence(client);
        await client.query(
          `INSERT INTO effects VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE SET tries = effects.tries + 1`,
          [toUuid(effectId), id],
        );
      });
    },
    effects: async (id) =>
      (await pool.query<{ tries: number }>('SELECT tries FROM effects WHERE route_id = $1', [id])).rows,
    async closeProcesses() {
      for (const probe of processes.splice(0)) await probe.close();
    },
  };
}

/** Whether an answer is said to be a repeated one: `true`, or null. */
export const replayed = (answer: Answered) => answer.headers.get('idempotent-replayed');

function probeRoutes(behave: Behaviour): Route[] {
  const described = { description: 'As the test says.' };
  return [
    route({
      method: 'post',
      path: '/v1/probes/{id}',
      operationId: 'probe',
      tag: 'Probes',
      summary: 'Probe',
      scope: 'messages:write',
      params: z.object({ id: z.string() }),
      query: z.strictObject({ q: z.string().optional() }),
      body: z.unknown(),
      mediaTypes: ['application/json', 'text/csv'],
      responses: {
        200: { ...described, body: z.string(), contentType: 'text/csv' },
        201: { ...described, body: z.unknown() },
        202: { ...described, body: z.unknown() },
        204: described,
        303: described,
      },
      handler: ({ body, params }, context) => behave(context, body, params.id) as never,
    }),
  ];
}
