import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Queryable } from '../../../infra/postgres/pool';

/** A verified event, as handlers get it. */
export interface HandledEvent {
  id: PublicId;
  tenantId: PublicId;
  sourceId: PublicId;
  /** The sender's own id; absent where it has none. */
  externalId: string | undefined;
  /** Those that are kept, names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** The bytes as they came. */
  body: Buffer;
  receivedAt: Date;
}

/** Code of Waybill's own that a source's events go to, such as bounces and complaints of an email provider. */
export interface InboundHandler {
  /** As a source's route names it. */
  name: string;
  /**
   * Handles an event. What it changes through `db` is committed if and only if the event counts as processed, so it
   * happens once. It has half a minute. Whatever it throws is retried, for a quarter of an hour; then the event has failed. Its message is shown
   * to the tenant.
   */
  handle(event: HandledEvent, db: Queryable): Promise<void>;
}

/** The handlers of a process. A domain that has one registers it when it opens, in API and worker alike. */
export interface Handlers {
  /** @throws Error when the name is taken */
  register(handler: InboundHandler): void;
  has(name: string): boolean;
  names(): string[];
  get(name: string): InboundHandler | undefined;
}

/** Does nothing: the event is kept, and can be read. For trying out a source. */
const KEEP: InboundHandler = { name: 'keep', handle: async () => {} };

/** Opens the registry, once per process: `platform.once(openHandlers)`. */
export function openHandlers(_platform: Platform): Handlers {
  const handlers = new Map<string, InboundHandler>([[KEEP.name, KEEP]]);
  return {
    register(handler) {
      if (handlers.has(handler.name)) throw new Error(`there is an inbound handler ${handler.name} already`);
      handlers.set(handler.name, handler);
    },
    has: (name) => handlers.has(name),
    names: () => [...handlers.keys()].sort(),
    get: (name) => handlers.get(name),
  };
}
