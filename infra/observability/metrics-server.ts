import type { Server } from 'node:http';
import type { MetricsPage } from './metrics-page';
import { type Page, type PageServerOptions, startPageServer } from './page-server';

/** The page that Prometheus reads. */
export async function metricsPage(page: MetricsPage): Promise<Page> {
  return { status: 200, type: page.contentType, body: await page.render() };
}

/**
 * Serves `/metrics` on a listener of its own, so that the public port has no page that anybody may ask for without a
 * key.
 *
 * @throws Error when the port is in use
 */
export function startMetricsServer(
  page: MetricsPage,
  options: Pick<PageServerOptions, 'host' | 'port' | 'onError'>,
): Promise<Server> {
  return startPageServer({ ...options, pages: { '/metrics': () => metricsPage(page) } });
}
