import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { createMetrics } from '../infra/observability/metrics';
import { createMetricsPage } from '../infra/observability/metrics-page';
import { stateOf } from '../infra/observability/readiness';
import { startHealthServer } from './health-server';

/** What Postgres says of a wrong password, and Node of a host that is not there. */
const TELLING = new Error('password authentication failed for user "PLANTED" at 10.1.2.3:5432');

async function page(problems: () => Promise<Record<string, string>>) {
  const lines: string[] = [];
  const server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    problems,
    metrics: createMetricsPage(createMetrics().registry),
    log: pino({}, { write: (line: string) => lines.push(line) }),
  });
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`);
  const text = await answer.text();
  await new Promise((resolve) => server.close(resolve));
  return { status: answer.status, text, log: lines.join('') };
}

test('an error of a server that is asked is told without its text', async () => {
  const { status, text } = await page(async () => ({ postgres: await stateOf(Promise.reject(TELLING)) }));
  expect(status).toBe(503);
  expect(JSON.parse(text)).toMatchObject({ status: 'not ready', problems: { postgres: 'out of reach' } });
  expect(text).not.toContain('PLANTED');
});

test('an error of ours is told without its text, and logged', async () => {
  const { status, text, log } = await page(() => Promise.reject(TELLING));
  expect(status).toBe(500);
  expect(JSON.parse(text)).toMatchObject({ title: 'Internal Server Error', status: 500 });
  expect(text).not.toContain('PLANTED');
  expect(log).toContain('PLANTED');
});
