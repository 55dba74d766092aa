import type { z } from 'zod';
import { CacheMisuse } from './errors';

/** What a namespace keeps, and for how long. Times are milliseconds. */
export interface NamespaceOptions<T> {
  /** Lower case, digits and hyphens. It is part of keys in Redis: whoever changes the schema changes the name. */
  name: string;
  /** What the values are. Codecs (such as of dates) are encoded to JSON and decoded again. */
  schema: z.ZodType<T>;
  /** How long a value is fresh, give or take a tenth. */
  ttlMs: number;
  /** For so long after that it may still be served, while it is loaded anew or cannot be. Default 0. */
  staleMs?: number;
  /** How long it is remembered that there is nothing (the loader's `undefined`). Default 0: not at all. */
  negativeTtlMs?: number;
  /** For so long this process answers by itself, without asking Redis. Bounds how long a lost message matters. Default 5 s. */
  localTtlMs?: number;
  /** What this process may remember, in bytes, roughly. Default 4 MiB. */
  localMaxBytes?: number;
  /** JSON of so many bytes or more is compressed. Default 1,024. */
  compressFrom?: number;
  /** Whether Redis sees neither keys nor values: values are encrypted, keys and tags are hashed with a secret. */
  sensitive?: boolean;
  /** How long a loader may take. Default 10 s. */
  loadTimeoutMs?: number;
  /** How long to wait for another process that is loading the same; then it is loaded here as well. 0: not at all. Default `loadTimeoutMs`. */
  waitMs?: number;
  /** How long a loading process that died holds up the others. Default 1 s. */
  leaseMs?: number;
}

/** The options with their defaults. */
export type Settings<T> = Required<NamespaceOptions<T>>;

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** @throws CacheMisuse when a time or the name cannot be used */
export function settingsOf<T>(options: NamespaceOptions<T>): Settings<T> {
  const loadTimeoutMs = options.loadTimeoutMs ?? 10_000;
  const settings = {
    staleMs: 0,
    negativeTtlMs: 0,
    localTtlMs: 5_000,
    localMaxBytes: 4 * 1_024 * 1_024,
    compressFrom: 1_024,
    sensitive: false,
    loadTimeoutMs,
    waitMs: loadTimeoutMs,
    leaseMs: 1_000,
    ...options,
  };
  if (!NAME.test(settings.name)) throw new CacheMisuse(`a namespace cannot be called "${settings.name}"`);
  for (const name of ['ttlMs', 'localTtlMs', 'localMaxBytes', 'loadTimeoutMs', 'leaseMs'] as const) {
    if (!(settings[name] >= 1)) throw new CacheMisuse(`${name} of the namespace "${settings.name}" must be 1 or more`);
  }
  for (const name of ['staleMs', 'negativeTtlMs', 'waitMs'] as const) {
    if (!(settings[name] >= 0)) throw new CacheMisuse(`${name} of the namespace "${settings.name}" must be 0 or more`);
  }
  return settings;
}

/** By how much a time may be longer: entries that were made together must not end together. */
const JITTER = 0.1;

export function jittered(ms: number): number {
  return Math.max(1, Math.round(ms * (1 - JITTER + 2 * JITTER * Math.random())));
}

/** How long an entry may be in Redis after the moment that it is true of. */
export function longestLifeMs({ ttlMs, negativeTtlMs, staleMs, loadTimeoutMs }: Settings<unknown>): number {
  return Math.ceil(Math.max(ttlMs, negativeTtlMs) * (1 + JITTER) + staleMs + loadTimeoutMs);
}
