import { z } from 'zod';
import { text } from '../http/schemas';

const count = (description: string) => z.int().min(0).meta({ description });

const namespaceStats = z
  .object({
    hits: z
      .object({ local: count("From the process's memory."), redis: count('From Redis.') })
      .meta({ description: 'Reads that were answered from a cache, by where.' }),
    misses: count('Reads that had to load, or to wait for a load.'),
    hitRatio: z.number().nullable().meta({ description: 'The share of hits, 0 to 1; null before the first read.' }),
    loads: count('Loads, those in the background included.'),
    loadFailures: count('Loads that failed.'),
    loadMs: count('What all loads took, in milliseconds.'),
    heldOff: count('Misses that shared the load of another caller or process: stampedes held off.'),
    stale: count('Answers with a value after its time.'),
    outdated: count('Loads that were not kept, because what they read may have changed meanwhile.'),
    evictions: count("Values that made room for others in the process's memory."),
    entries: count('Values in it.'),
    bytes: count('What they take, roughly.'),
  })
  .meta({ id: 'CacheNamespaceStats' });

export const cacheStatsSchema = z
  .object({
    redis: z.enum(['ok', 'away', 'none']).meta({ description: '`none`: there is no Redis for this process.' }),
    namespaces: z.record(z.string(), namespaceStats).meta({ description: 'By name.' }),
  })
  .meta({ id: 'CacheStats' });

export const clearCacheSchema = z
  .strictObject({
    namespace: text(63).min(1).meta({ example: 'dead-letter-counts' }),
    pattern: text(200)
      .min(1)
      .optional()
      .meta({ description: 'Keys to drop; `*` stands for any characters. Alone it means all.', example: '*' }),
    tag: text(200).min(1).optional().meta({ description: 'Drops what has this tag, such as the id of a tenant.' }),
  })
  .refine(({ pattern, tag }) => (pattern === undefined) !== (tag === undefined), {
    error: 'give either "pattern" or "tag"',
    path: ['pattern'],
  })
  .meta({ id: 'ClearCache', example: { namespace: 'dead-letter-counts', pattern: '*' } });

export const cacheClearedSchema = z
  .object({
    namespace: z.string(),
    redisTold: z.boolean().meta({
      description:
        'Whether Redis, and so the other processes, know of it. Otherwise they are told as soon as Redis can be reached.',
    }),
  })
  .meta({ id: 'CacheCleared' });
