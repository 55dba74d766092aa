import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script, with the name under which Redis remembers it. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/** Commands that ioredis has and does not declare; its `callBuffer` loses the command's name when it pipelines by itself. */
interface BufferCommands {
  evalshaBuffer(sha: string, keys: number, ...rest: (string | number | Buffer)[]): Promise<unknown>;
  evalBuffer(text: string, keys: number, ...rest: (string | number | Buffer)[]): Promise<unknown>;
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
  const commands = redis as unknown as BufferCommands;
  try {
    return await commands.evalshaBuffer(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return await commands.evalBuffer(script.text, keys.length, ...keys, ...args);
  }
}
