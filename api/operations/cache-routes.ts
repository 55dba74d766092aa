import type { z } from 'zod';
import { recordCacheCleared } from '../../domains/audit';
import type { DoorContext } from '../http/door';
import { invalidField } from '../http/problems';
import { type Route, route } from '../http/route';
import { cacheClearedSchema, cacheStatsSchema, clearCacheSchema } from './cache-schemas';

const TAG = 'Caches';

/** What these routes need of the process's caches. */
export interface CacheDeps extends Pick<DoorContext, 'pool'> {
  caches: {
    find(name: string): ClearableCache | undefined;
    statistics(): Map<string, z.input<typeof cacheStatsSchema>['namespaces'][string]>;
    redisState(): 'ok' | 'away' | 'none';
  };
}

interface ClearableCache {
  sensitive: boolean;
  invalidate(target: { tag: string } | { pattern: string } | 'all'): Promise<boolean>;
}

/** The routes for whoever runs Waybill: what its caches do, and how to empty them. */
export function cacheRoutes({ pool, caches }: CacheDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/cache/stats',
      operationId: 'getCacheStats',
      tag: TAG,
      summary: 'What the caches of the process that answers have done since it started',
      scope: 'admin',
      responses: { 200: { description: 'By namespace.', body: cacheStatsSchema } },
      handler: async () => ({
        status: 200,
        body: { redis: caches.redisState(), namespaces: Object.fromEntries(caches.statistics()) },
      }),
    }),
    route({
      method: 'post',
      path: '/v1/cache/clear',
      operationId: 'clearCache',
      tag: TAG,
      summary: 'Drop cached values in every process',
      description:
        "Nothing is lost: they are loaded anew. The audit log of the key's tenant keeps who did it, before it is done.",
      scope: 'admin',
      body: clearCacheSchema,
      responses: { 200: { description: 'This process has dropped them.', body: cacheClearedSchema } },
      handler: async ({ body }, { tenantId, keyId, fence }) => {
        const { namespace, pattern, tag } = body;
        const cache = caches.find(namespace);
        if (cache === undefined) {
          const known = [...caches.statistics().keys()].sort().join(', ');
          throw invalidField('body', '#/namespace', `There is no namespace "${namespace}" here; there are: ${known}.`);
        }
        const everything = pattern !== undefined && /^\*+$/.test(pattern);
        if (pattern !== undefined && !everything && cache.sensitive) {
          const detail = 'Its keys are obfuscated, so that no pattern finds them: give a tag, or "*" for all.';
          throw invalidField('body', '#/pattern', detail);
        }
        await recordCacheCleared(pool, { tenantId, keyId, fence }, body);
        const target = tag !== undefined ? { tag } : everything || pattern === undefined ? 'all' : { pattern };
        return { status: 200, body: { namespace, redisTold: await cache.invalidate(target) } };
      },
    }),
  ];
}
