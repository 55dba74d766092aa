import { type PublicId, toUuid } from '../../core/ids';
import { newSecret } from '../../domains/webhooks/rules/signature';
import { only } from '../support/deliveries';
import { insertEndpoint, insertTenant } from '../support/fixtures';
import { createPipeline, type Pipeline } from '../support/pipeline';
import { eventually } from '../support/receiver';
import { type RunningSnippet, runnerOf, runSnippet } from '../support/snippet-programs';
import { snippetsOf } from '../support/snippets';

const SNIPPETS = snippetsOf('docs/receiving.md');
/** What the API reads at most, without what stands around a payload in the smallest request. */
const LARGEST = 1_048_576 - '{"eventType":"a","payload":}'.length;

let pipeline: Pipeline;
let tenantId: PublicId;
beforeAll(async () => {
  pipeline = await createPipeline();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterAll(() => pipeline.close());

/** A payload of so many bytes. */
function large(bytes: number): string {
  const frame = JSON.stringify({ text: '' });
  return frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
}

const PAYLOADS: [string, string][] = [
  ['a small payload', '{"orderId":"1002"}'],
  ['text of every kind', JSON.stringify({ name: 'Zoë 茶 🫖 \u2028', ключ: ['é', 'e\u0301'], escaped: '\u0007' })],
  ['numbers as they were written', '{"total":1.00,"id":12345678901234567890,  "tiny":1e-400}'],
  ['900 kB', large(900_000)],
  ['900 kB beyond ASCII', JSON.stringify({ text: '茶'.repeat(300_000) })],
  ['the largest payload', large(LARGEST)],
];

/** Sends one message and gives the receiver's answer. */
async function deliver(
  url: string,
  secret: string,
  data: string,
): Promise<{ status: number | null; error: string | null }> {
  const eventType = `order.${Math.random().toString(36).slice(2)}`;
  await insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, {
    url,
    secret,
    patterns: [eventType],
    delaysMs: [],
    timeoutMs: 20_000,
  });
  const result = await pipeline.publisher.publish({ tenantId, eventType, data, channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  const { id } = only(result.deliveries);
  return eventually(async () => {
    const { rows } = await pipeline.database.pool.query<{ status: number | null; error: string | null }>(
      'SELECT status, error FROM attempts WHERE delivery_id = $1',
      [toUuid(id)],
    );
    return rows[0];
  });
}

test('every program of the page has a heading of its own', () => {
  const headings = SNIPPETS.map(({ heading }) => heading);
  expect(headings).toEqual(['Express', 'Fastify', 'Next.js', 'Hono', 'No framework', 'Flask', 'FastAPI', 'Go']);
});

for (const snippet of SNIPPETS) {
  const runner = runnerOf(snippet);
  if (typeof runner === 'string') {
    test.skip(`${snippet.heading}: not run, because ${runner}`, () => undefined);
    continue;
  }
  describe(snippet.heading, () => {
    const secret = newSecret();
    let running: RunningSnippet;
    beforeAll(async () => {
      running = await runSnippet(runner, { WEBHOOK_SECRET: secret });
    });
    afterAll(() => running?.stop());

    test.each(PAYLOADS)('accepts %s', async (_name, data) => {
      const before = running.printed().split('received order.').length;
      expect(await deliver(running.url, secret, data)).toEqual({ status: 204, error: null });
      await eventually(() => (running.printed().split('received order.').length === before + 1 ? true : undefined));
    });

    test('refuses what another secret has signed, and goes on', async () => {
      const before = running.printed();
      const forged = { status: 401, error: 'http-401' };
      expect(await deliver(running.url, newSecret(), '{"orderId":"1002"}')).toEqual(forged);
      expect(await deliver(running.url, newSecret(), large(900_000))).toEqual(forged);
      expect(running.printed().slice(before.length)).not.toContain('received order.');
      expect(await deliver(running.url, secret, '{}')).toEqual({ status: 204, error: null });
    });

    test('refuses headers that are none of ours', async () => {
      const now = String(Math.floor(Date.now() / 1000));
      const headers = { 'content-type': 'application/json', 'webhook-id': 'msg_1', 'webhook-timestamp': now };
      for (const signature of ['', 'v1', 'v1,', 'v1,%%%', 'v1,é', 'v0,AAAA v1,AAAA']) {
        const signed = { ...headers, 'webhook-signature': signature };
        const { status } = await fetch(running.url, { method: 'POST', headers: signed, body: '{"type":"order.x"}' });
        expect(status).toBe(401);
      }
      const { status } = await fetch(running.url, { method: 'POST', headers, body: '{}' });
      expect(status).toBe(401);
    });
  });
}
