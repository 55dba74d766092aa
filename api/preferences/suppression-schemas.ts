import { z } from 'zod';
import type { PublicId } from '../../core/ids';
import {
  EVERYTHING,
  hashAddress,
  openDetails,
  REASONS,
  SUPPRESSION_SOURCES,
  type Suppression,
  type SuppressionFilter,
} from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { freeMetadataSchema, freeText } from '../http/free-text';
import { invalidField } from '../http/problems';
import { idSchema, moment, momentOrNull, momentSchema, momentText, pageQuery, pageSchema } from '../http/schemas';
import { addressSchema, channelSchema, keySchema } from './shared-schemas';

const scope = z
  .union([z.literal(EVERYTHING), keySchema])
  .meta({ description: '`*` for everything, or the key of a category.', example: '*' });

const reason = z.enum(REASONS).meta({ description: 'Why nothing is sent to it.', example: 'admin_action' });

const expiresAt = momentSchema.meta({
  description: 'From this second on it no longer counts; null for never. Fractions are rounded up.',
});

export const newSuppressionSchema = z
  .strictObject({
    channel: channelSchema,
    address: addressSchema,
    scope: scope.default(EVERYTHING),
    reason,
    expiresAt: expiresAt.nullable().default(null),
    evidence: freeMetadataSchema
      .default({})
      .meta({ description: 'What shows that there is a reason.', example: { ticket: 'HELP-1' } }),
  })
  .meta({
    id: 'NewSuppression',
    example: { channel: 'email', address: 'ada@example.com', reason: 'user_request', evidence: { ticket: 'HELP-1' } },
  });

export const suppressionChangeSchema = z
  .strictObject({ expiresAt: expiresAt.nullable() })
  .meta({ id: 'SuppressionChange', example: { expiresAt: null } });

export const liftSchema = z
  .strictObject({ reason: freeText(500).meta({ description: 'Why it is lifted.', example: 'The mailbox is back.' }) })
  .meta({ id: 'SuppressionLift', example: { reason: 'The mailbox is back.' } });

export const suppressionSchema = z
  .object({
    id: idSchema('sup'),
    channel: channelSchema,
    address: z
      .string()
      .nullable()
      .meta({ description: 'As it was given; null once its subscriber is erased.', example: 'ada@example.com' }),
    scope: z.string().meta({ description: '`*` for everything, or the key of a category.', example: '*' }),
    reason: z.enum(REASONS).meta({ description: 'Why nothing is sent to it.' }),
    source: z.enum(SUPPRESSION_SOURCES).meta({ description: 'Where it came from.' }),
    evidence: z
      .record(z.string(), z.string())
      .nullable()
      .meta({ description: 'What shows that there is a reason; null once it is forgotten.' }),
    inForce: z.boolean().meta({ description: 'Whether it counts now: neither lifted nor expired.' }),
    createdBy: z.string().meta({ description: 'Who made it: an API key, or what handles feedback of providers.' }),
    createdAt: momentText,
    expiresAt: momentText.nullable().meta({ description: 'From when on it no longer counts; null: never.' }),
    liftedAt: momentText.nullable().meta({ description: 'When it was lifted; null: it was not.' }),
    liftedBy: z.string().nullable().meta({ description: 'Who lifted it; `expiry` when another took its place.' }),
    liftReason: z.string().nullable().meta({ description: 'Why it was lifted.' }),
  })
  .meta({ id: 'Suppression' });

export const suppressionPageSchema = pageSchema('SuppressionPage', suppressionSchema);
export const suppressionParams = z.object({ id: idSchema('sup') });

const filters = {
  channel: channelSchema.optional().meta({ description: 'Only of this channel.' }),
  address: addressSchema
    .optional()
    .meta({ description: 'Only of this address, in whatever spelling; with a `channel`.' }),
  scope: scope.optional().meta({ description: 'Only of this scope.' }),
  reason: reason.optional().meta({ description: 'Only for this reason.' }),
  inForce: z
    .enum(['true', 'false', 'any'])
    .default('any')
    .meta({ description: 'Only those that count now, only others, or all.' }),
};

export const suppressionQuery = z.strictObject({ ...pageQuery, ...filters });
export const exportQuery = z.strictObject(filters);

const IN_FORCE = { true: true, false: false, any: undefined };

/** What a query asks for. @throws a problem when it has an address without its channel */
export async function filterOf(
  context: DoorContext,
  tenantId: PublicId,
  { channel, address, inForce, ...filter }: z.output<typeof exportQuery>,
): Promise<SuppressionFilter> {
  if (address === undefined) return { ...filter, channel, inForce: IN_FORCE[inForce] };
  if (channel === undefined) throw invalidField('query', '#/channel', 'is required with an address');
  const hashed = await hashAddress(context, tenantId, { channel, address });
  return { ...filter, address: hashed, inForce: IN_FORCE[inForce] };
}

/** A suppression as answers show it. */
export function suppressionView(
  { keyring }: Pick<DoorContext, 'keyring'>,
  suppression: Suppression,
): z.input<typeof suppressionSchema> {
  const details = openDetails(keyring, suppression);
  const { id, channel, scope, reason, source, createdBy, createdAt, expiresAt, liftedAt, liftedBy, liftReason } =
    suppression;
  return {
    id,
    channel,
    address: details?.address ?? null,
    scope,
    reason,
    source,
    evidence: details?.evidence ?? null,
    inForce: liftedAt === undefined && (expiresAt === undefined || expiresAt.getTime() > Date.now()),
    createdBy,
    createdAt: moment(createdAt),
    expiresAt: momentOrNull(expiresAt),
    liftedAt: momentOrNull(liftedAt),
    liftedBy: liftedBy ?? null,
    liftReason: liftReason ?? null,
  };
}
