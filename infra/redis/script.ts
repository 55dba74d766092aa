import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script, with the name under which Redis remembers it. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

export function redisScript(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/**
 * Runs a script by its name, and sends its text only to a Redis that does not know it yet. Texts in the answer are
 * buffers. Keys get the connection's prefix.
 *
 * @throws what Redis says, or that it does not answer
 */
export async function runScript(
  redis: Redis,
  script: RedisScript,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.callBuffer('evalsha', script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return await redis.callBuffer('eval', script.text, keys.length, ...keys, ...args);
  }
}
