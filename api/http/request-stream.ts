import type { Request } from 'express';
import { Problem } from './problems';
import { type BodyBounds, CLOSE, refuseDeclared, refuseOtherCharset, tooLarge } from './request-body';

/** How long a body that is read as it arrives may take in all, in milliseconds: whoever takes its chunks slows it down. */
export const STREAMED_WITHIN_MS = 240_000;

/**
 * Reads a request's body chunk by chunk, as fast as they are taken: the sender waits. Whoever stops reading leaves the rest
 * to be thrown away, so that the request can still be answered.
 *
 * @param bounds - `withinMs`: how long nothing may arrive
 * @throws Problem when it is too large, too slow, compressed, in another charset than UTF-8, or ends before its end
 */
export async function* readChunks(req: Request, { maxBytes, withinMs }: BodyBounds): AsyncGenerator<Uint8Array> {
  refuseDeclared(req, maxBytes);
  refuseOtherCharset(req.headers['content-type']);
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    const headers = { 'accept-encoding': 'identity' };
    throw new Problem('unsupported-media-type', { detail: 'Send the body as it is, not compressed.', headers });
  }
  const until = performance.now() + STREAMED_WITHIN_MS;
  const signs = signsOf(req);
  let bytes = 0;
  try {
    for (;;) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw tooSlow();
      const chunk = req.read() as Buffer | null;
      if (chunk === null) {
        if (req.readableEnded) return;
        await signs.next(Math.min(withinMs, leftMs));
        continue;
      }
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes, 'more');
      yield chunk;
    }
  } finally {
    signs.end();
    req.resume();
  }
}

function tooSlow(): Problem {
  return new Problem('request-timeout', { headers: CLOSE });
}

/** Waits for whatever a request does next. */
function signsOf(req: Request): { next(withinMs: number): Promise<void>; end(): void } {
  let isBroken = false;
  let seen = false;
  let wake = () => {};
  const sign = () => {
    seen = true;
    wake();
  };
  const broken = () => {
    isBroken = true;
    sign();
  };
  const listeners = { readable: sign, end: sign, error: broken, aborted: broken, close: broken };
  for (const [name, listener] of Object.entries(listeners)) req.on(name, listener);
  return {
    async next(withinMs) {
      if (!seen && !isBroken) {
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(tooSlow()), withinMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      seen = false;
      if (isBroken && !req.readableEnded) {
        throw new Problem('malformed-request', { detail: 'The body ended before its end.' });
      }
    },
    end() {
      for (const [name, listener] of Object.entries(listeners)) req.off(name, listener);
      // What breaks afterwards has nobody to tell.
      req.on('error', () => {});
    },
  };
}
