import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { newId, type PublicId, timeOfId, toUuid } from '../../core/ids';
import { matchingPatterns } from '../../domains/webhooks/rules/event-type';
import { batchWorkflowId } from '../../domains/webhooks/rules/workflow-names';
import { type StoredDelivery, storeMessages } from '../../domains/webhooks/store/publish';
import { eventually, PATIENCE_MS } from './receiver';

export interface DeliveryRow {
  state: string;
  attempts: number;
  claim: string | null;
  last_error: string | null;
  next_attempt_at: Date | null;
  workflow_id: string;
}

/** What tests look up in the database about deliveries. */
export interface DeliveryReads {
  query<R extends object>(text: string, ...values: unknown[]): Promise<R[]>;
  read(deliveryId: PublicId): Promise<DeliveryRow>;
  attemptsOf(deliveryId: PublicId): Promise<{ number: number; outcome: string }[]>;
  deadLettersOf(deliveryId: PublicId): Promise<{ reason: string; state: string }[]>;
  untilState(deliveryId: PublicId, state: string, timeoutMs?: number): Promise<DeliveryRow>;
}

/** @param pool - asked at each call, since test files make their database in `beforeAll` */
export function deliveryReads(pool: () => Pool): DeliveryReads {
  async function query<R extends object>(text: string, ...values: unknown[]): Promise<R[]> {
    return (await pool().query<R>(text, values)).rows;
  }
  async function read(deliveryId: PublicId): Promise<DeliveryRow> {
    const rows = await query<DeliveryRow>(
      'SELECT state, attempts, claim, last_error, next_attempt_at, workflow_id FROM deliveries WHERE id = $1',
      toUuid(deliveryId),
    );
    return only(rows);
  }
  return {
    query,
    read,
    attemptsOf: (id) => query('SELECT number, outcome FROM attempts WHERE delivery_id = $1 ORDER BY id', toUuid(id)),
    deadLettersOf: (id) => query('SELECT reason, state FROM dead_letters WHERE delivery_id = $1', toUuid(id)),
    untilState(deliveryId, state, timeoutMs = PATIENCE_MS) {
      let last = '';
      return eventually(
        async () => {
          const row = await read(deliveryId);
          last = row.state;
          return row.state === state ? row : undefined;
        },
        timeoutMs,
        () => `${last}, not ${state}`,
      );
    },
  };
}

/** The timeout of the endpoints that {@link insertEndpoint} makes. */
const TIMEOUT_MS = 5_000;

/** Stores messages as a process does if it dies before making the first attempts. */
export async function storeOnly(
  pool: Pool,
  tenantId: PublicId,
  options: { lease?: string; leaseMs?: number; count?: number } = {},
): Promise<StoredDelivery[]> {
  const eventType = 'order.created';
  const messages = Array.from({ length: options.count ?? 1 }, () => {
    const id = newId('msg');
    return {
      id,
      tenantId,
      eventType,
      patterns: matchingPatterns(eventType),
      eventId: undefined,
      channels: [],
      body: '{"type":"order.created"}',
      contentExpiresAt: undefined,
      createdAt: new Date(timeOfId(id)),
      keys: [],
      fingerprint: '',
      onlyEndpointId: undefined,
    };
  });
  const stored = await storeMessages(pool, messages, {
    lease: options.lease,
    // A lease is this much longer than the endpoint's timeout.
    leaseSlackMs: (options.leaseMs ?? 0) - TIMEOUT_MS,
    ownWorkflows: 0,
    sharedWorkflow: batchWorkflowId(randomUUID().replaceAll('-', '')),
    sharedOffset: 0,
    sharedSize: 500,
  });
  return stored.flatMap((deliveries) => deliveries ?? []);
}

/** The item of a list of one. */
export function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined || items.length > 1) throw new Error(`there are ${items.length}, not one`);
  return item;
}
