import { type Publisher, publishBatch } from '../../../domains/webhooks';
import { withoutMark } from '../../http/byte-order-mark';
import { apiConfig } from '../../http/config';
import type { DoorContext } from '../../http/door';
import { type Route, route } from '../../http/route';
import { batchEntry } from './batch-entry';
import { batchResultSchema, batchSchema } from './batch-schemas';
import { messageTexts, NDJSON } from './batch-text';
import { batchHeaders } from './schemas';

const PATH = '/v1/messages/batch';

/** What a batch may have in bytes, unless single messages may have more. */
const MAX_BATCH_BYTES = 8_388_608;

/** Publishes up to a thousand messages with one request. */
export function messageBatchRoute({
  settings,
  publisher,
  workflowUrl,
}: Pick<DoorContext, 'settings' | 'workflowUrl'> & { publisher: Publisher }): Route {
  const { WAYBILL_MAX_BODY_BYTES: maxBytes } = settings.of(apiConfig);
  return route({
    method: 'post',
    path: PATH,
    operationId: 'publishMessages',
    tag: 'Messages',
    summary: 'Publish up to 1,000 messages',
    description:
      'Each message is published as if it came alone, and has a result of its own: one that is refused does not concern ' +
      'the others. Answers once every accepted message is durable. Repeat the request as often as needed, with the same ' +
      '`Idempotency-Key` (it counts for each message by its place in the batch) or the same event ids: each message is ' +
      'sent once. A batch that does not arrive whole publishes nothing. It counts as many requests as it has messages ' +
      'against the rate: one is let in while a single request would be, and the next has to wait for what is over the limit.',
    scope: 'messages:write',
    idempotency: 'own',
    headers: batchHeaders,
    body: batchSchema,
    bodyAsText: true,
    mediaTypes: ['application/json', NDJSON],
    maxBodyBytes: Math.max(MAX_BATCH_BYTES, maxBytes),
    responses: { 200: { description: 'A result for each message.', body: batchResultSchema } },
    handler: async ({ headers, body }, context) => {
      const texts = messageTexts(withoutMark(body), headers['content-type']);
      context.charge(texts.length - 1);
      const terms = { context, idempotencyKey: headers['idempotency-key'], maxBytes, path: PATH, workflowUrl };
      const entries = texts.map((text, index) => batchEntry(terms, text, index));
      const data = await publishBatch(publisher, entries);
      const accepted = data.filter(({ message }) => message !== undefined).length;
      return { status: 200, body: { accepted, refused: data.length - accepted, data } };
    },
  });
}
