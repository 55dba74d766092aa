import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Logger } from '../log';
import { invalidation } from './invalidation';

const announcement = z.object({
  from: z.string(),
  namespace: z.string(),
  what: z.union([z.object({ kind: z.literal('loaded'), id: z.string() }), invalidation]),
});

export type Announcement = z.output<typeof announcement>['what'];

/** What a namespace does with what other processes say. */
export interface Listener {
  heard(what: Announcement): void;
  /** Something may have been said that nobody here has heard. */
  missed(): void;
}

/**
 * How processes tell one another what they loaded and dropped: one channel an environment, on a connection of its own. A
 * message may be lost; how long that matters is bounded by how long processes remember by themselves.
 */
export class Bus {
  readonly channel: string;
  readonly #me = randomUUID();
  readonly #listeners = new Map<string, Listener>();
  readonly #subscriber: Redis;

  constructor(redis: Redis, log: Logger) {
    this.channel = `${redis.options.keyPrefix ?? ''}cache`;
    this.#subscriber = redis.duplicate({
      keyPrefix: '',
      autoResubscribe: false,
      enableAutoPipelining: false,
      // Its ping must not be cut off by the time of a command: a subscription is one long answer.
      commandTimeout: 5_000,
    });
    this.#subscriber.on('error', () => {});
    this.#subscriber.on('message', (_channel: string, text: string) => this.#receive(text));
    this.#subscriber.on('ready', () => {
      this.#subscriber.subscribe(this.channel).then(
        () => {
          for (const listener of this.#listeners.values()) listener.missed();
        },
        (error: unknown) => {
          log.warn({ err: error }, 'announcements of the caches cannot be heard; connecting anew');
          this.#subscriber.disconnect(true);
        },
      );
    });
  }

  listen(namespace: string, listener: Listener): void {
    this.#listeners.set(namespace, listener);
  }

  /** The text that says so on the channel. */
  message(namespace: string, what: Announcement): string {
    return JSON.stringify({ from: this.#me, namespace, what });
  }

  close(): void {
    this.#subscriber.disconnect();
  }

  #receive(text: string): void {
    const { data } = announcement.safeParse(parsed(text));
    if (data === undefined || data.from === this.#me) return;
    this.#listeners.get(data.namespace)?.heard(data.what);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
