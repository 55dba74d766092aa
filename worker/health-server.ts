import { createServer, type Server } from 'node:http';
import { NODE_ZONE_RULES_VERSION, ZONE_RULES_VERSION } from '../core/zone-rules';
import type { Logger } from '../infra/log';
import type { MetricsPage } from '../infra/observability/metrics-page';

export interface HealthServerOptions {
  host: string;
  port: number;
  /** What is not ready, by name; empty when everything is. */
  problems(): Promise<Record<string, string>>;
  metrics: MetricsPage;
  log: Logger;
}

/** The worker's own `/healthz`, `/readyz` and `/metrics`. */
export async function startHealthServer(options: HealthServerOptions): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    const json = (status: number, value: unknown) => answer(status, 'application/json', `${JSON.stringify(value)}\n`);
    const routes: Record<string, () => Promise<void>> = {
      '/healthz': async () => json(200, { status: 'ok' }),
      '/readyz': async () => {
        const problems = await options.problems();
        const ready = Object.keys(problems).length === 0;
        const timeZones = { rules: ZONE_RULES_VERSION, node: NODE_ZONE_RULES_VERSION };
        json(ready ? 200 : 503, ready ? { status: 'ready', timeZones } : { status: 'not ready', problems, timeZones });
      },
      '/metrics': async () => answer(200, options.metrics.contentType, await options.metrics.render()),
    };
    const route = routes[(request.url ?? '').split('?')[0] ?? ''];
    if (route === undefined) json(404, { status: 'not found', routes: Object.keys(routes) });
    else {
      route().catch((error: unknown) => {
        options.log.error({ err: error }, 'a page of the worker failed');
        json(500, { status: 'failed' });
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return server;
}
