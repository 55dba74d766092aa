import { Counter, Histogram, type Registry } from 'prom-client';
import { CHANNELS } from '../preferences';

const OUTCOMES = ['sent', 'suppressed', 'deferred', 'retried', 'failed', 'cancelled'] as const;

export type NotificationMetrics = ReturnType<typeof notificationMetrics>;

/** A process's metrics of notifications. */
export function notificationMetrics(registry: Registry) {
  const registers = [registry];
  const metrics = {
    accepted: new Counter({ name: 'notifications_total', help: 'Notifications accepted.', registers }),
    sends: new Counter({
      name: 'notification_sends_total',
      help: 'Sends of notifications by channel and what became of them.',
      labelNames: ['channel', 'outcome'] as const,
      registers,
    }),
    decisionSeconds: new Histogram({
      name: 'notification_decision_seconds',
      help: 'Time to decide about a send, waiting for changes of its subscriber included.',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
      registers,
    }),
    oneClicks: new Counter({
      name: 'notification_one_click_total',
      help: 'Times that somebody unsubscribed with one click, repetitions included.',
      registers,
    }),
    late: new Counter({
      name: 'notification_decisions_late_total',
      help: 'Sends that were decided about again because their hand-off took too long.',
      registers,
    }),
  };
  for (const channel of CHANNELS) for (const outcome of OUTCOMES) metrics.sends.inc({ channel, outcome }, 0);
  return metrics;
}
