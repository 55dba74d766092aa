import { z } from 'zod';
import {
  createFeeSchedule,
  type FeeSchedule,
  feeTermsText,
  findFeeSchedule,
  listFeeSchedules,
} from '../../../domains/merchants';
import type { DoorContext } from '../../http/door';
import { amountText, bpsSchema, currencySchema, singleAmountSchema } from '../../http/money-schemas';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { idSchema, moment, momentSchema, momentText } from '../../http/schemas';

const TAG = 'Fee schedules';
const MAX_TIERS = 20;
const MAX_LISTED = 1_000;

const newFeeScheduleSchema = z
  .strictObject({
    merchantId: idSchema('mer').optional().meta({ description: 'Default: every merchant without one of its own.' }),
    currency: currencySchema,
    bps: bpsSchema,
    fixed: singleAmountSchema(0n, '30').prefault('0'),
    minFee: singleAmountSchema(0n, '10').optional(),
    maxFee: singleAmountSchema(0n, '5000').optional(),
    tiers: z
      .array(
        z.strictObject({
          upTo: singleAmountSchema(1n, '100000')
            .nullable()
            .meta({ description: 'The largest amount of the tier; null: no limit.' }),
          bps: bpsSchema,
          fixed: singleAmountSchema(0n, '30').prefault('0'),
        }),
      )
      .max(MAX_TIERS)
      .default([])
      .refine(areAscending, 'must ascend, and only the last tier may be without an end')
      .meta({ description: "An amount's tier replaces `bps` and `fixed`." }),
    taxBps: bpsSchema.default(0).meta({ description: 'Tax on the fee.' }),
    disputeFee: singleAmountSchema(0n, '1500').prefault('0'),
    validFrom: momentSchema.optional().meta({ description: 'Default: now.' }),
  })
  .refine(({ minFee, maxFee }) => minFee === undefined || maxFee === undefined || minFee <= maxFee, {
    message: 'must not be less than minFee',
    path: ['maxFee'],
  })
  .meta({ id: 'NewFeeSchedule', example: { currency: 'EUR', bps: 290, fixed: '30' } });

const feeScheduleSchema = z
  .object({
    id: idSchema('fee'),
    merchantId: idSchema('mer').nullable(),
    currency: z.string(),
    version: z.int(),
    bps: z.int(),
    fixed: amountText,
    minFee: amountText.nullable(),
    maxFee: amountText.nullable(),
    tiers: z.array(z.object({ upTo: amountText.nullable(), bps: z.int(), fixed: amountText })),
    taxBps: z.int(),
    disputeFee: amountText,
    validFrom: momentText,
  })
  .meta({ id: 'FeeSchedule' });

export function feeScheduleRoutes(deps: Pick<DoorContext, 'pool' | 'reads'>): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/fee-schedules',
      operationId: 'createFeeSchedule',
      tag: TAG,
      summary: 'Set what captures cost from a given moment',
      description:
        'Adds a version of the fees for a currency, for one merchant or for all. Versions never change; a transaction ' +
        'keeps the fee that it was captured with, and names the version.',
      scope: 'finance:write',
      body: newFeeScheduleSchema,
      responses: {
        201: { description: 'The version.', body: feeScheduleSchema, headers: { Location: 'Its path.' } },
      },
      problems: ['wrong-state', 'already-exists'],
      handler: async ({ body }, context) => {
        const { merchantId, currency, validFrom, ...rest } = body;
        const terms = { ...rest, minFee: rest.minFee, maxFee: rest.maxFee };
        const schedule = await createFeeSchedule(deps, context, { merchantId, currency, terms, validFrom });
        return { status: 201, headers: { location: `/v1/fee-schedules/${schedule.id}` }, body: view(schedule) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/fee-schedules',
      operationId: 'listFeeSchedules',
      tag: TAG,
      summary: 'List fee schedules, by currency and merchant, newest version first',
      scope: 'finance:read',
      responses: {
        200: {
          description: `At most ${MAX_LISTED} versions.`,
          body: z.object({ data: z.array(feeScheduleSchema) }).meta({ id: 'FeeScheduleList' }),
        },
      },
      handler: async (_input, { tenantId }) => ({
        status: 200,
        body: { data: (await listFeeSchedules(deps.reads, tenantId, MAX_LISTED)).map(view) },
      }),
    }),
    route({
      method: 'get',
      path: '/v1/fee-schedules/{id}',
      operationId: 'getFeeSchedule',
      tag: TAG,
      summary: 'Get a version of a fee schedule',
      scope: 'finance:read',
      params: z.object({ id: idSchema('fee') }),
      responses: { 200: { description: 'The version.', body: feeScheduleSchema } },
      handler: async ({ params }, { tenantId }) => {
        const schedule = await findFeeSchedule(deps.pool, tenantId, params.id);
        if (schedule === undefined) throw new Problem('not-found');
        return { status: 200, body: view(schedule) };
      },
    }),
  ];
}

function areAscending(tiers: readonly { upTo: bigint | null }[]): boolean {
  return tiers.every(({ upTo }, index) => {
    const next = tiers[index + 1]?.upTo;
    return next === undefined || (upTo !== null && (next === null || next > upTo));
  });
}

function view({ terms, ...schedule }: FeeSchedule): z.input<typeof feeScheduleSchema> {
  return {
    id: schedule.id,
    merchantId: schedule.merchantId ?? null,
    currency: schedule.currency,
    version: schedule.version,
    ...feeTermsText(terms),
    validFrom: moment(schedule.validFrom),
  };
}
