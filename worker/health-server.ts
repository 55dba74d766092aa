import type { Server } from 'node:http';
import { NODE_ZONE_RULES_VERSION, ZONE_RULES_VERSION } from '../core/zone-rules';
import type { Logger } from '../infra/log';
import type { MetricsPage } from '../infra/observability/metrics-page';
import { metricsPage } from '../infra/observability/metrics-server';
import { type Page, startPageServer } from '../infra/observability/page-server';

export interface HealthServerOptions {
  host: string;
  port: number;
  /** What is not ready, by name; empty when everything is. */
  problems(): Promise<Record<string, string>>;
  metrics: MetricsPage;
  log: Logger;
}

/** The worker's own `/healthz`, `/readyz` and `/metrics`. */
export function startHealthServer({ host, port, problems, metrics, log }: HealthServerOptions): Promise<Server> {
  return startPageServer({
    host,
    port,
    pages: {
      '/healthz': async () => json(200, { status: 'ok' }),
      '/readyz': async () => readiness(await problems()),
      '/metrics': () => metricsPage(metrics),
    },
    onError: (error, path) => log.error({ err: error, path }, 'a page of the worker failed'),
  });
}

function readiness(problems: Record<string, string>): Page {
  const timeZones = { rules: ZONE_RULES_VERSION, node: NODE_ZONE_RULES_VERSION };
  const ready = Object.keys(problems).length === 0;
  return json(ready ? 200 : 503, ready ? { status: 'ready', timeZones } : { status: 'not ready', problems, timeZones });
}

function json(status: number, value: unknown): Page {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}
