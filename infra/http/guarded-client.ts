import { LRUCache } from 'lru-cache';
import { type AddressPolicy, assertPolicy, checkUrl, literalAddress, portOf } from './address-policy';
import { createReceiverContext } from './dial';
import { BLOCKED_DETAIL } from './errors';
import { OriginPool, type PoolShared } from './origin-pool';
import { prepareHeaders } from './request-headers';
import { createSystemResolver, shareAnswers } from './resolver';
import type { GuardedErrorCode, GuardedFailure, GuardedResult } from './result';
import { RoundTrip } from './round-trip';

export type { AddressPolicy } from './address-policy';
export type {
  GuardedErrorCode,
  GuardedFailure,
  GuardedResponse,
  GuardedResult,
  HttpVersion,
  ReceivedAnswer,
} from './result';

export interface GuardedRequest {
  url: string;
  /** Default `POST`. */
  method?: 'POST' | 'GET';
  /**
   * Sent as given, names in lower case and each once. `host`, `content-length`, `accept-encoding` and connection
   * headers are left out: the client sets its own.
   */
  headers: Record<string, string>;
  body: string;
  /** Total deadline in milliseconds: waiting for a socket, DNS, connect, TLS, headers and the whole body. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Beyond this many bytes after decompression, the connection is closed and the rest not read. Default 65,536. */
  maxResponseBytes?: number;
  /** How much of the body is handed back. Default 4,096. */
  keepBytes?: number;
}

export interface GuardedClientStats {
  /** Origins with a connection or a request under way. */
  origins: number;
  /** Open sockets, idle ones included. */
  sockets: number;
  idleSockets: number;
  /** Sockets being opened. */
  dialling: number;
  /** Requests under way, including those waiting for a socket. */
  inFlight: number;
  queued: number;
  /** Requests sent again since the start because an idle connection turned out to be closed. */
  resent: number;
}

/** HTTP to addresses chosen by strangers: reaches only what the policy allows, and never hangs. */
export interface GuardedClient {
  /**
   * Sends one request and reads its response. Never rejects, never follows a redirect.
   *
   * At least once: a request lost on a reused connection before any byte of a response is sent again, once, over a new
   * connection and within the same deadline.
   */
  send(request: GuardedRequest): Promise<GuardedResult>;
  stats(): GuardedClientStats;
  /** Refuses new requests, waits for those under way (their deadlines bound it) and closes all sockets. */
  close(): Promise<void>;
}

export interface GuardedClientOptions {
  policy: AddressPolicy;
  /** Certificate authorities (PEM) added to those that Node bundles; `NODE_EXTRA_CA_CERTS` counts only without this. */
  extraCa?: string;
  /** Most sockets to one origin, including those being opened. Default 64. */
  socketsPerOrigin?: number;
  /** Finds every address of a name. Default: DNS, then the operating system. */
  resolve?: (hostname: string) => Promise<string[]>;
  /**
   * A socket older than this, in milliseconds, carries no further request: the next one resolves and checks again.
   * Default 30,000.
   */
  revalidateAfterMs?: number;
  /** Most idle sockets over all origins; beyond that, the longest idle is closed. Default 1,024. */
  maxIdleSockets?: number;
}

interface Target {
  origin: string;
  url: URL;
  path: string;
}

const MAX_CACHED_URLS = 20_000;
const MAX_ANSWER_AGE_MS = 1_000;
const SWEEP_EVERY_MS = 1_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** @throws RangeError if a range of the policy cannot be read; a TLS error if `extraCa` cannot */
export function createGuardedClient(options: GuardedClientOptions): GuardedClient {
  const { policy, revalidateAfterMs = 30_000 } = options;
  assertPolicy(policy);
  const pools = new Map<string, OriginPool>();
  const targets = new LRUCache<string, Target>({ max: MAX_CACHED_URLS });
  const shared: PoolShared = {
    dialOptions: {
      policy,
      resolve: shareAnswers(options.resolve ?? createSystemResolver(), Math.min(MAX_ANSWER_AGE_MS, revalidateAfterMs)),
      secureContext: createReceiverContext(options.extraCa),
    },
    socketsPerOrigin: options.socketsPerOrigin ?? 64,
    revalidateAfterMs,
    idle: new Set(),
    maxIdle: options.maxIdleSockets ?? 1_024,
    closing: false,
    resent: 0,
    onEmpty: (pool) => {
      if (pools.get(pool.origin) === pool) pools.delete(pool.origin);
      if (shared.closing && pools.size === 0) onClosed();
    },
  };
  let onClosed: () => void = () => {};
  let closed: Promise<void> | undefined;

  const sweeper = setInterval(() => {
    const now = performance.now();
    for (const pool of pools.values()) pool.sweep(now);
  }, SWEEP_EVERY_MS).unref();

  const targetOf = (text: string): Target | undefined => {
    const verdict = checkUrl(text, policy);
    if (!verdict.ok) return undefined;
    const { url } = verdict;
    const target = { origin: url.origin, url, path: url.pathname + url.search };
    targets.set(text, target);
    return target;
  };

  const poolOf = ({ origin, url }: Target): OriginPool => {
    const hostname = literalAddress(url) ?? url.hostname;
    const pool = new OriginPool(origin, { secure: url.protocol === 'https:', hostname, port: portOf(url) }, shared);
    pools.set(origin, pool);
    return pool;
  };

  return {
    send(request) {
      const startedAt = performance.now();
      const { signal } = request;
      if (shared.closing) return failure('aborted', 'the client is closed', startedAt);
      if (signal?.aborted === true) return failure('aborted', 'the request was aborted', startedAt);
      const target = targets.get(request.url) ?? targetOf(request.url);
      if (target === undefined) return failure('blocked', BLOCKED_DETAIL, startedAt);
      const headers = prepareHeaders(request.headers);
      if (headers === undefined) return failure('protocol', 'a request header cannot be sent', startedAt);
      return new Promise((resolve) => {
        const pool = pools.get(target.origin) ?? poolOf(target);
        const roundTrip = new RoundTrip(
          { method: request.method ?? 'POST', path: target.path, headers, body: request.body },
          pool,
          {
            startedAt,
            timeoutMs: Math.min(Math.max(1, request.timeoutMs), MAX_TIMEOUT_MS),
            signal,
            keepBytes: request.keepBytes ?? 4_096,
            maxBytes: request.maxResponseBytes ?? 65_536,
          },
          resolve,
        );
        pool.submit(roundTrip);
      });
    },

    stats() {
      const stats = { origins: pools.size, sockets: 0, dialling: 0, inFlight: 0, queued: 0 };
      for (const pool of pools.values()) {
        stats.sockets += pool.sockets;
        stats.dialling += pool.dialling;
        stats.inFlight += pool.inFlight;
        stats.queued += pool.queued;
      }
      return { ...stats, idleSockets: shared.idle.size, resent: shared.resent };
    },

    close() {
      closed ??= new Promise<void>((resolve) => {
        onClosed = resolve;
        shared.closing = true;
        clearInterval(sweeper);
        for (const pool of [...pools.values()]) pool.shut();
        if (pools.size === 0) resolve();
      });
      return closed;
    },
  };
}

function failure(code: GuardedErrorCode, detail: string, startedAt: number): Promise<GuardedFailure> {
  return Promise.resolve({ ok: false, code, detail, durationMs: performance.now() - startedAt });
}
