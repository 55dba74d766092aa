import { Counter, Histogram, type Registry } from 'prom-client';

const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200];

const OUTCOMES = ['accepted', 'repeated', 'refused', 'blocked'] as const;
const REASONS = ['unknown-source', 'malformed', 'wrong-topic', 'wrong-signature', 'stale'] as const;
const ENDS = ['processed', 'retried', 'failed'] as const;

export type RefusalReason = (typeof REASONS)[number];

export type InboundMetrics = ReturnType<typeof inboundMetrics>;

/** A process's metrics of inbound webhooks. */
export function inboundMetrics(registry: Registry) {
  const registers = [registry];
  const metrics = {
    requests: new Counter({
      name: 'inbound_requests_total',
      help: 'Inbound webhooks by what became of them. Many repeated ones are a sender that does not get our answers, or replays.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    refusals: new Counter({
      name: 'inbound_refusals_total',
      help: 'Refused inbound webhooks by reason, which the sender is not told.',
      labelNames: ['reason'] as const,
      registers,
    }),
    blocks: new Counter({
      name: 'inbound_blocks_total',
      help: 'Times that an address was blocked at a source for repeated refusals. Alert on any.',
      registers,
    }),
    processed: new Counter({
      name: 'inbound_events_total',
      help: 'Tries to process inbound events, by how they ended. Alert on failed.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    batchSize: new Histogram({
      name: 'inbound_group_commit_batch_size',
      help: 'Inbound events stored by one statement.',
      buckets: BATCH_BUCKETS,
      registers,
    }),
  };
  for (const outcome of OUTCOMES) metrics.requests.inc({ outcome }, 0);
  for (const reason of REASONS) metrics.refusals.inc({ reason }, 0);
  for (const outcome of ENDS) metrics.processed.inc({ outcome }, 0);
  return metrics;
}
