import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** A delivery takes from a millisecond to an hour, with retries. */
const DELIVERY_BUCKETS = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600];
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10];
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** The label of `webhook_attempts_total`: how an attempt ended. */
export type AttemptLabel = 'succeeded' | 'failed' | 'timeout' | 'blocked' | 'gone';

export type WebhookMetrics = ReturnType<typeof webhookMetrics>;

/** The webhook metrics of a process. */
export function webhookMetrics(registry: Registry) {
  const registers = [registry];
  const metrics = {
    accepted: new Counter({
      name: 'webhook_messages_accepted_total',
      help: 'Messages made durable and answered with 202, duplicates not counted.',
      registers,
    }),
    duplicates: new Counter({
      name: 'webhook_messages_duplicate_total',
      help: 'Publishes answered with an earlier message.',
      registers,
    }),
    deliveries: new Counter({
      name: 'webhook_deliveries_created_total',
      help: 'Deliveries made by accepted messages.',
      registers,
    }),
    attempts: new Counter({
      name: 'webhook_attempts_total',
      help: 'Requests made to receivers, by how they ended.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    deadLetters: new Counter({
      name: 'webhook_dead_letters_total',
      help: 'Deliveries that became dead letters, after an attempt or when one was due.',
      labelNames: ['reason'] as const,
      registers,
    }),
    deliveryLatency: new Histogram({
      name: 'webhook_delivery_latency_seconds',
      help: 'From acceptance to the successful attempt.',
      buckets: DELIVERY_BUCKETS,
      registers,
    }),
    attemptDuration: new Histogram({
      name: 'webhook_attempt_duration_seconds',
      help: 'One request to a receiver, from its start to its last byte or its failure.',
      buckets: REQUEST_BUCKETS,
      registers,
    }),
    batchSize: new Histogram({
      name: 'webhook_group_commit_batch_size',
      help: 'Items written by one statement.',
      labelNames: ['kind'] as const,
      buckets: BATCH_BUCKETS,
      registers,
    }),
    declined: new Counter({
      name: 'webhook_first_attempts_declined_total',
      help: 'Deliveries that had no turn in time, and wait in the backlogs of their endpoints.',
      registers,
    }),
    coversWaiting: new Gauge({
      name: 'webhook_covers_waiting',
      help: 'Workflows that this process has still to start for accepted deliveries.',
      registers,
    }),
    coverFailures: new Counter({
      name: 'webhook_cover_failures_total',
      help: 'Failed tries to start a covering workflow; the sweep covers what is given up.',
      registers,
    }),
    swept: new Counter({
      name: 'webhook_swept_deliveries_total',
      help: 'Overdue deliveries that the sweep gave to a workflow.',
      registers,
    }),
    circuitsOpened: new Counter({
      name: 'webhook_circuits_opened_total',
      help: 'Circuits opened by this process, by what tripped them.',
      labelNames: ['reason'] as const,
      registers,
    }),
  };
  for (const reason of ['consecutive-failures', 'failure-ratio']) metrics.circuitsOpened.inc({ reason }, 0);
  for (const outcome of ['succeeded', 'failed', 'timeout', 'blocked', 'gone'] satisfies AttemptLabel[]) {
    metrics.attempts.inc({ outcome }, 0);
  }
  for (const reason of ['exhausted', 'gone', 'content-expired', 'backlog-expired', 'held-too-long']) {
    metrics.deadLetters.inc({ reason }, 0);
  }
  return metrics;
}
