import { Redis } from 'ioredis';
import type { PublicId } from '../../../core/ids';
import { openDispatch } from '../../../domains/webhooks/delivery/open-dispatch';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually } from '../../support/receiver';

const redisUrl = process.env.REDIS_URL;

(redisUrl === undefined ? test.skip : test)(
  'environments that share a Redis do not see each other’s keys',
  async () => {
    const redis = new Redis(redisUrl ?? '');
    const pipelines: Pipeline[] = [];
    const ids: PublicId[] = [];
    const prefixes = ['blue', 'green:eu'];
    for (const prefix of prefixes) {
      const pipeline = await createPipeline({ WAYBILL_REDIS_PREFIX: prefix });
      pipelines.push(pipeline);
      const { pool, dispatch } = { ...pipeline, ...pipeline.database };
      const { id } = await insertEndpoint(pool, dispatch.keyring, await insertTenant(pool), {
        url: 'http://127.0.0.1/',
      });
      ids.push(id);
      // Asked until Redis is connected and the entry is there.
      const key = `${prefix}:endpoint:${id}:1`;
      await eventually(async () => {
        await openDispatch(pipeline.openPlatform()).endpoints.get(id, 1);
        return (await redis.get(key)) ?? undefined;
      });
    }
    const found = await Promise.all(ids.map((id) => redis.keys(`*${id}*`)));
    expect(found).toEqual(ids.map((id, index) => [`${prefixes[index]}:endpoint:${id}:1`]));
    redis.disconnect();
    for (const pipeline of pipelines) await pipeline.close();
  },
);
