import { createServer, type Server } from 'node:http';
import type { MetricsPage } from './metrics-page';

/**
 * Serves `/metrics` on a listener of its own, so that the public port has no page that anybody may ask for without a
 * key.
 *
 * @throws Error when the port is in use
 */
export async function startMetricsServer(
  page: MetricsPage,
  { host, port }: { host: string; port: number },
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    if ((request.url ?? '').split('?', 1)[0] !== '/metrics') {
      answer(404, 'text/plain', 'Only /metrics is here.\n');
      return;
    }
    page.render().then(
      (text) => answer(200, page.contentType, text),
      () => answer(500, 'text/plain', 'The metrics could not be read.\n'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}
