import { z } from 'zod';
import { approvalsConfig } from '../../domains/approvals';
import { correctDay } from '../../domains/settlement';
import { WAITING_ANSWER, waitingAnswer } from '../http/approval-schemas';
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

export function correctionRoutes({ pool, settings }: Pick<DoorContext, 'pool' | 'settings'>): Route[] {
  const config = settings.of(approvalsConfig);
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
        '409 if the day needs no review, or nothing differs. If the differences of a currency add up to ' +
        '`WAYBILL_REVIEW_FOUR_EYES_FROM` or more, another API key has to approve it; what it then posts is in the audit log.',
      scope: 'finance:settle',
      idempotency: 'required',
      params: dateParams,
      body: newCorrectionSchema,
      responses: { 201: { description: 'What was posted.', body: correctedDaySchema }, 202: WAITING_ANSWER },
      problems: ['wrong-state'],
      handler: async ({ params: { date }, body: { reason } }, context) => {
        const corrected = await correctDay({ pool, config }, context, { date, reason });
        if ('waits' in corrected) return waitingAnswer(corrected.waits);
        const { runId, corrections, more } = corrected;
        const views = corrections.map(({ corrects, ...correction }) => ({ ...correction, corrects: corrects ?? null }));
        return { status: 201, body: { runId, corrections: views, more } };
      },
    }),
  ];
}
