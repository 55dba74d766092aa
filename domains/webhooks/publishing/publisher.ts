import type { PublicId } from '../../../core/ids';
import type { Lane } from '../rules/lane';

/** A message as its publisher gave it, already validated. */
export interface PublishInput {
  tenantId: PublicId;
  eventType: string;
  /** The event's data: the text of any JSON value. Receivers get exactly this text. */
  data: string;
  channels: readonly string[];
  /** The publisher's own id of the event; a second publish with it is a duplicate. */
  eventId?: string | undefined;
  /** The `Idempotency-Key` header; a second request with it is a duplicate. */
  idempotencyKey?: string | undefined;
  /** When to forget the content; by default after the usual retention. */
  contentExpiresAt?: Date | undefined;
  /** Only to this endpoint, whatever it subscribes to. */
  endpointId?: PublicId | undefined;
  /** The lane of its deliveries, whatever else is said of it. */
  priority?: Lane | undefined;
  /** The day that it is about, `YYYY-MM-DD`: on that day, in the tenant's time zone, it is urgent. */
  eventDate?: string | undefined;
}

export interface PublishedDelivery {
  id: PublicId;
  endpointId: PublicId;
  workflowId: string;
}

export type PublishResult =
  | {
      outcome: 'accepted';
      /** Whether an earlier publish made this message. */
      duplicate: boolean;
      id: PublicId;
      createdAt: Date;
      deliveries: PublishedDelivery[];
    }
  /** The event id or idempotency key was used before with other content. */
  | { outcome: 'conflict'; key: 'eventId' | 'idempotencyKey' };

export interface Publisher {
  /** Resolves once the message is durable. Rejects when Postgres cannot be reached; it may be stored all the same. */
  publish(input: PublishInput): Promise<PublishResult>;
}
