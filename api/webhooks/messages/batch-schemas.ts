import { z } from 'zod';
import { problemSchema } from '../../http/openapi';
import { MAX_BATCH, NDJSON } from './batch-text';
import { publishedSchema } from './schemas';

/** A batch's body, still as text: each message is read by itself. */
export const batchSchema = z.string().meta({
  type: 'array',
  items: { $ref: '#/components/schemas/NewMessage' },
  minItems: 1,
  maxItems: MAX_BATCH,
  description: `An array of messages; as \`${NDJSON}\` one message a line.`,
  example: [
    { eventType: 'order.created', eventId: 'order-A-1001-created', payload: { orderId: 'A-1001', total: '129.90' } },
    { eventType: 'order.created', eventId: 'order-A-1002-created', payload: { orderId: 'A-1002', total: '15.00' } },
  ],
});

const resultSchema = z
  .object({
    index: z.int().min(0).meta({ description: "The message's place in the batch, counted from 0." }),
    status: z
      .int()
      .meta({ description: 'What the message would be answered if it came alone: 202 if it is accepted.' }),
    message: publishedSchema.optional().meta({ description: 'The message, if it is accepted.' }),
    problem: problemSchema.optional().meta({ description: 'Why it is not; its pointers begin with the index.' }),
  })
  .meta({ id: 'BatchResult', description: 'What became of one message of a batch: `message` or `problem`.' });

export const batchResultSchema = z
  .object({
    accepted: z.int().meta({ description: 'Messages that are accepted, now or by an earlier request.' }),
    refused: z.int().meta({ description: 'The others.' }),
    data: z.array(resultSchema).meta({ description: 'A result for each message, in the order of the batch.' }),
  })
  .meta({ id: 'PublishedBatch' });

export type BatchResult = z.input<typeof resultSchema>;
