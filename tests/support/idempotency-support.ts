import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Pool } from 'pg';
import { mountRoutes } from '../../api/http/adapter';
import { Idempotency, type IdempotencyOptions } from '../../api/http/idempotency/idempotency';
import { beginExchange } from '../../api/http/request-log';
import { requestMetrics } from '../../api/http/request-metrics';
import type { Route } from '../../api/http/route';
import { Authenticator } from '../../domains/accounts/authenticator';
import type { TestApi } from './api-support';
import { PATIENCE_MS } from './receiver';

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
}

/** A process of the API with routes of its own. */
export interface ProbeProcess {
  server: Server;
  url: string;
  /** POSTs a body, by default with the tenant's key. */
  post(path: string, key: string | undefined, body: unknown, options?: { apiKey?: string }): Promise<Answered>;
  close(): Promise<void>;
}

/** Serves routes on the servers of `api`, as another process beside it would. */
export async function startProcess(
  api: TestApi,
  routes: readonly Route[],
  options: IdempotencyOptions = {},
  pool: Pool = api.deps.pool,
): Promise<ProbeProcess> {
  const app = express();
  app.set('query parser', 'simple');
  const metrics = api.deps.metrics.of(requestMetrics);
  app.use(beginExchange(api.deps.log, metrics));
  mountRoutes(app, routes, {
    authenticator: new Authenticator(api.deps.pool),
    rateLimiter: api.deps.rateLimiter,
    unknownKeyLimiter: api.deps.unknownKeyLimiter,
    idempotency: new Idempotency({ pool, keyring: api.deps.keyring, metrics }, options),
    maxBodyBytes: 100_000,
    uploadTimeoutMs: 30_000,
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    server,
    url,
    post: async (path, key, body, { apiKey = api.key } = {}) => {
      const answer = await fetch(url + path, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${apiKey}`,
          'content-type': 'application/json',
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A point where callers wait once it is closed. */
export class Gate {
  #open: Promise<void> = Promise.resolve();
  #release: () => void = () => {};
  #arrivals = 0;

  close(): void {
    this.#open = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  open(): void {
    this.#release();
  }

  /** How many came so far. */
  get arrivals(): number {
    return this.#arrivals;
  }

  async pass(): Promise<void> {
    this.#arrivals++;
    await this.#open;
  }
}

/** A pool whose statements of one name, or whose transactions (`connect`), wait at a gate. */
export function gatedPool(pool: Pool, at: 'connect' | (string & {}), gate: Gate): Pool {
  return new Proxy(pool, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'query' && name !== 'connect') return value.bind(target);
      return async (...args: [{ name?: string }?]) => {
        if (name === 'connect' ? at === 'connect' : args[0]?.name === at) await gate.pass();
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** Waits until a condition holds; fails after a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('not within a minute');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Lets every lock run out, as if that much time had passed. */
export async function runOutLocks(pool: Pool): Promise<void> {
  await pool.query("UPDATE idempotency_records SET locked_until = now() WHERE state = 'in_flight'");
}
