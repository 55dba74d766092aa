import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { types } from 'node:util';
import { EnvHttpProxyAgent, interceptors, request } from 'undici';

/** All in milliseconds. */
export interface DownloadDeadlines {
  /** To connect, TLS included; anew for each redirect. */
  connectMs: number;
  /** Without a single byte, also before the response begins. */
  silentMs: number;
  totalMs: number;
}

export interface DownloadOptions {
  /** An http or https address; up to five redirects are followed. */
  url: string;
  /** The file to write. Its content after a failure is of no use. */
  target: string;
  /** The largest file accepted. Up to this much is held in memory where writing is slower than the host. */
  mostBytes: number;
  deadlines: DownloadDeadlines;
  /** May name proxies: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, or the same in lower case. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal | undefined;
  /**
   * Called for each chunk.
   *
   * @param total - bytes in all, if the host says
   */
  onProgress(received: number, total: number | undefined): void;
}

/**
 * Downloads a file.
 *
 * @returns its SHA-256, in hexadecimal
 * @throws Error whose message says in one line why the download failed; the signal's reason when aborted
 */
export async function downloadFile(options: DownloadOptions): Promise<string> {
  const { url, target, mostBytes, deadlines, signal, onProgress } = options;
  signal?.throwIfAborted();
  const late = new AbortController();
  const giveUp = (why: string, ms: number) => setTimeout(() => late.abort(new Error(`${why} ${ms / 1000} s`)), ms);
  const total = giveUp('it took longer than', deadlines.totalMs);
  const silence = giveUp('nothing came for', deadlines.silentMs);
  const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
  const agent = proxyAgent(options);
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  // The signal alone does not reach a request that still waits for its connection.
  either.addEventListener('abort', () => void agent.destroy());
  try {
    const response = await request(url, {
      dispatcher,
      signal: either,
      // undici's own time-outs count whole seconds, and none watches a silent proxy.
      headersTimeout: 0,
      bodyTimeout: 0,
      // It must never pause: undici 7 ends the process when a host closes meanwhile (nodejs/undici#5360).
      highWaterMark: mostBytes,
    });
    if (response.statusCode !== 200) throw new Error(`the host answered ${response.statusCode}`);
    const expected = lengthOf(response.headers['content-length']);
    const hash = createHash('sha256');
    let received = 0;
    const pass = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        silence.refresh();
        received += chunk.length;
        if (received > mostBytes) throw new Error(`it has more than the ${mostBytes} bytes that are taken`);
        hash.update(chunk);
        onProgress(received, expected);
        yield chunk;
      }
    };
    await pipeline(response.body, pass, createWriteStream(target), { signal: either });
    if (expected !== undefined && received !== expected) throw new Error(`${received} of ${expected} bytes came`);
    return hash.digest('hex');
  } catch (error) {
    signal?.throwIfAborted();
    throw late.signal.aborted ? late.signal.reason : new Error(inOneLine(error), { cause: error });
  } finally {
    clearTimeout(total);
    clearTimeout(silence);
    await agent.destroy();
  }
}

/** Only the given environment counts, not our own. */
function proxyAgent({ env, deadlines }: DownloadOptions): EnvHttpProxyAgent {
  const timeout = deadlines.connectMs;
  return new EnvHttpProxyAgent({
    httpProxy: env.http_proxy || env.HTTP_PROXY || '',
    httpsProxy: env.https_proxy || env.HTTPS_PROXY || '',
    noProxy: env.no_proxy || env.NO_PROXY || '',
    connect: { timeout },
    proxyTls: { timeout },
    requestTls: { timeout },
  });
}

function lengthOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' ? Number(header) : undefined;
}

/** Node's error for several refused addresses has a code and no message. */
function inOneLine(error: unknown): string {
  if (!types.isNativeError(error)) return String(error);
  const text = error.message || ('code' in error ? String(error.code) : error.name);
  return text.split('\n', 1)[0] ?? text;
}
