import { z } from 'zod';
import { correctDay } from '../../domains/settlement';
import type { DoorContext } from '../http/door';
import { freeText } from '../http/free-text';
import { type Route, route } from '../http/route';
import { idSchema } from '../http/schemas';
import { dateParams } from './schemas';

const newCorrectionSchema = z
  .strictObject({ reason: freeText(500).meta({ example: 'Entries changed by the repair of 3 May' }) })
  .meta({ id: 'NewSettlementCorrection', example: { reason: 'Entries changed by the repair of 3 May' } });

const correctedDaySchema = z
  .object({
    runId: idSchema('set'),
    corrections: z.array(
      z.object({
        transactionId: idSchema('ltx').meta({ description: 'The compensating transaction.' }),
        corrects: idSchema('ltx')
          .nullable()
          .meta({ description: 'The transaction that it makes right; null for what is owed to the merchant.' }),
        merchantId: idSchema('mer'),
        currency: z.string(),
      }),
    ),
    more: z.boolean().meta({ description: 'Whether there may be more to correct: send another request.' }),
  })
  .meta({ id: 'CorrectedSettlement' });

export function correctionRoutes({ pool }: Pick<DoorContext, 'pool'>): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v2/finance/settlement/{date}/corrections',
      operationId: 'correctSettlement',
      tag: 'Settlement',
      summary: 'Make up for what holds a day for review',
      description:
        'Where the ledger differs from what the day says, posts compensating transactions against the account ' +
        '`settlement_differences`; nothing is changed. Look into the cause first, retry the day afterwards. Refused with ' +
        '409 if the day needs no review, or nothing differs.',
      scope: 'finance:settle',
      idempotency: 'required',
      params: dateParams,
      body: newCorrectionSchema,
      responses: { 201: { description: 'What was posted.', body: correctedDaySchema } },
      problems: ['wrong-state'],
      handler: async ({ params: { date }, body: { reason } }, context) => {
        const { runId, corrections, more } = await correctDay({ pool }, context, { date, reason });
        const views = corrections.map(({ corrects, ...correction }) => ({ ...correction, corrects: corrects ?? null }));
        return { status: 201, body: { runId, corrections: views, more } };
      },
    }),
  ];
}
