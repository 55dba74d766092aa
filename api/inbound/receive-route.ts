import { z } from 'zod';
import { openReceiving, SignatureRefused, SnsUnreachable } from '../../domains/inbound';
import type { DoorContext } from '../http/door';
import { Problem } from '../http/problems';
import type { RawInput, Route } from '../http/route';
import { idSchema } from '../http/schemas';

/** The same for whatever is wrong: who only guesses learns nothing. */
const DETAIL =
  'The request is not one that this address takes: check the address, the secret, and the time of signing.';

const bodySchema = z.string().meta({
  description:
    'Whatever the sender sends, of these or any other type: its bytes are verified before anything is read from them.',
});

export const receivedSchema = z
  .object({
    id: idSchema('inb'),
    repeated: z
      .boolean()
      .meta({ description: 'Whether the source had sent it before; then it is not processed again.' }),
  })
  .meta({ id: 'ReceivedEvent' });

/** Where senders post their webhooks. It has no API key: the signature says who sent it. */
export function receiveRoute(context: DoorContext): Route {
  const receiving = context.once(openReceiving);
  return {
    method: 'post',
    path: '/v1/inbound/{source}',
    operationId: 'receiveWebhook',
    tag: 'Inbound webhooks',
    summary: 'For senders of webhooks: deliver one',
    description:
      "Verified by the source's scheme over the bytes of the body. The answer comes once the event is durable; it is " +
      'processed afterwards. Whatever is wrong with a request, the answer is the same.',
    scope: undefined,
    params: z.object({ source: idSchema('src').meta({ description: 'The source.' }) }),
    body: bodySchema,
    mediaTypes: ['application/json', 'application/octet-stream'],
    bodyAsBytes: true,
    responses: {
      200: { description: 'The source has sent it before, as the event with this id.', body: receivedSchema },
      202: { description: 'The event is stored, and will be processed.', body: receivedSchema },
    },
    problems: ['signature-refused', 'unavailable'],
    prepare: (raw) => async () => {
      const { id, repeated } = await receive(raw);
      return { status: repeated ? 200 : 202, body: { id, repeated } };
    },
  };

  async function receive({ params, headers, body, address = '' }: RawInput) {
    const { source } = params as { source: string };
    const bytes = body instanceof Buffer ? body : Buffer.alloc(0);
    try {
      return await receiving.receive({ sourceId: source, address, headers, body: bytes });
    } catch (error) {
      if (error instanceof SnsUnreachable) {
        throw new Problem('unavailable', { headers: { 'retry-after': '20' }, detail: error.message });
      }
      if (error instanceof SignatureRefused) throw new Problem('signature-refused', { detail: DETAIL });
      throw error;
    }
  }
}
