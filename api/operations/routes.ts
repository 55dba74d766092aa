import { createHash } from 'node:crypto';
import { z } from 'zod';
import { RawJson } from '../../core/json/raw-json';
import { NODE_ZONE_RULES_VERSION, ZONE_RULES_VERSION } from '../../core/zone-rules';
import { isKnown } from '../http/etag';
import { publicRoute, type Route } from '../http/route';

const TAG = 'Operations';

const healthSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });
const readinessSchema = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    checks: z.record(z.string(), z.string()).meta({ description: '`ok`, or what is wrong, for each server.' }),
    timeZones: z
      .object({ rules: z.string().meta({ example: '2026f' }), node: z.string().meta({ example: '2025c' }) })
      .meta({ description: "Releases of the IANA time zone database: what business days are cut by, and Node's own." }),
  })
  .meta({ id: 'Readiness' });

export interface OperationDeps {
  /** The state of each server that is needed: `ok`, or what is wrong with it. */
  readiness(): Promise<Record<string, string>>;
  /** Makes the OpenAPI document; called once, when it is first asked for. */
  document(): object;
}

const documentSchema = z
  .looseObject({
    openapi: z.string().meta({ description: 'The version of OpenAPI.', example: '3.1.0' }),
    info: z.looseObject({}).meta({ description: 'What it is about.', example: { title: 'Waybill', version: '0.2.0' } }),
  })
  .meta({ id: 'OpenApiDocument' });

const ifNoneMatch = z.object({
  'if-none-match': z.string().optional().meta({ description: 'The `ETag` of the document that you have.' }),
});

function tagged(text: string): { text: string; tag: string } {
  return { text, tag: `"${createHash('sha256').update(text).digest('base64url')}"` };
}

/** The routes for load balancers and client generators. */
export function operationRoutes({ readiness, document }: OperationDeps): Route[] {
  let openApi: { text: string; tag: string } | undefined;
  return [
    publicRoute({
      method: 'get',
      path: '/healthz',
      operationId: 'health',
      tag: TAG,
      summary: 'Whether the process is alive',
      responses: { 200: { description: 'It is.', body: healthSchema } },
      handler: async () => ({ status: 200, body: { status: 'ok' as const } }),
    }),
    publicRoute({
      method: 'get',
      path: '/readyz',
      operationId: 'readiness',
      tag: TAG,
      summary: 'Whether the process can take requests',
      responses: {
        200: { description: 'It can.', body: readinessSchema },
        503: { description: 'It cannot; `checks` says why.', body: readinessSchema },
      },
      handler: async () => {
        const checks = await readiness();
        const timeZones = { rules: ZONE_RULES_VERSION, node: NODE_ZONE_RULES_VERSION };
        const ready = Object.values(checks).every((state) => state === 'ok');
        return ready
          ? { status: 200, body: { status: 'ok' as const, checks, timeZones } }
          : {
              status: 503,
              body: { status: 'unavailable' as const, checks, timeZones },
              headers: { 'retry-after': '1' },
            };
      },
    }),
    publicRoute({
      method: 'get',
      path: '/openapi.json',
      operationId: 'openApiDocument',
      tag: TAG,
      summary: 'This document',
      description: 'With `If-None-Match` the answer is 304 while it is the same.',
      headers: ifNoneMatch,
      responses: {
        200: {
          description: 'OpenAPI 3.1.',
          body: documentSchema,
          contentType: 'application/vnd.oai.openapi+json',
          headers: { ETag: 'Which document it is, for `If-None-Match`.' },
        },
        304: { description: 'It is the one that you have.', headers: { ETag: 'Which document it is.' } },
      },
      handler: async (_context, headers) => {
        openApi ??= tagged(JSON.stringify(document()));
        const { text, tag } = openApi;
        const caching = { etag: tag, 'cache-control': 'no-cache' };
        if (isKnown(headers['if-none-match'], tag)) return { status: 304, headers: caching };
        return { status: 200, headers: caching, body: new RawJson(text) };
      },
    }),
  ];
}
