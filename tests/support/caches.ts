import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import pino from 'pino';
import { type Caches, createCaches } from '../../infra/cache/caches';
import { Keyring } from '../../infra/keyring';
import { createRedis } from '../../infra/redis/client';
import { type CutProxy, startCutProxy } from './cut-proxy';

const DIST = path.resolve(__dirname, '../../dist');
const log = pino({ level: 'silent' });

export const CACHE_KEYS = [`test:${Buffer.alloc(32, 5).toString('base64')}`];

/** Tests of caches need a Redis; where there is none there is nothing to test. */
export const withRedis = process.env.REDIS_URL === undefined ? test.skip : test;

/** What one process has of the caches, on a way to Redis of its own. */
export interface CacheSide {
  redis: Redis;
  caches: Caches;
  proxy: CutProxy;
}

/** Several processes' caches on one Redis, under a prefix of their own. */
export interface CacheBench {
  prefix: string;
  /** Without a prefix, and past every proxy. */
  raw: Redis;
  open(): Promise<CacheSide>;
  /** The keys that Redis has now, without the prefix. */
  keys(): Promise<string[]>;
  close(): Promise<void>;
}

/** @param url - of the Redis; by default the tests' own */
export async function createCacheBench(url = process.env.REDIS_URL ?? ''): Promise<CacheBench> {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const raw = new Redis(url);
  const sides: CacheSide[] = [];
  const keys = async () => (await raw.keys(`${prefix}:*`)).map((key) => key.slice(prefix.length + 1));
  return {
    prefix,
    raw,
    async open() {
      const proxy = await startCutProxy(Number(new URL(url).port));
      const through = new URL(url);
      through.port = String(proxy.port);
      const redis = createRedis(through.href, prefix, log);
      if (redis === undefined) throw new Error('there is no Redis');
      await new Promise<void>((resolve) => redis.once('ready', resolve));
      const caches = createCaches({ redis, keyring: new Keyring(CACHE_KEYS), log, pauseMs: 50 });
      const side = { redis, caches, proxy };
      sides.push(side);
      return side;
    },
    keys,
    async close() {
      for (const { redis, caches, proxy } of sides) {
        await caches.close();
        redis.disconnect();
        await proxy.close();
      }
      const left = await keys();
      if (left.length > 0) await raw.unlink(...left.map((key) => `${prefix}:${key}`));
      raw.disconnect();
    },
  };
}

/** A process of its own, that can be stopped and killed. */
export interface CacheProcess {
  child: ChildProcess;
  /** The next line that it prints. */
  line(): Promise<string>;
  say(line: string): void;
  kill(signal?: NodeJS.Signals): void;
}

/**
 * Runs a program with `redis`, `caches`, `dist` (requires what is compiled), `say`, `heard` (the next line from here) and
 * zod's `z`.
 */
export function startCacheProcess(bench: CacheBench, program: string): CacheProcess {
  const whole = `
const dist = (file) => require(${JSON.stringify(DIST)} + '/' + file);
const { z } = require('zod');
const lines = require('node:readline').createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const heard = async () => (await lines.next()).value;
const say = (what) => process.stdout.write(what + '\\n');
const log = require('pino')({ level: 'silent' });
const redis = dist('infra/redis/client').createRedis(process.env.REDIS_URL, ${JSON.stringify(bench.prefix)}, log);
redis.once('ready', async () => {
  const keyring = new (dist('infra/keyring').Keyring)(${JSON.stringify(CACHE_KEYS)});
  const caches = dist('infra/cache/caches').createCaches({ redis, keyring, log });
  ${program}
});`;
  const child = spawn(process.execPath, ['-e', whole], {
    cwd: path.resolve(DIST, '..'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const printed = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async line() {
      const next = await printed.next();
      if (next.done) throw new Error(`the process ended with ${child.exitCode ?? child.signalCode}`);
      return next.value;
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    kill: (signal = 'SIGKILL') => void child.kill(signal),
  };
}
