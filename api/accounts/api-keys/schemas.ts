import { z } from 'zod';
import type { ApiKey } from '../../../domains/accounts';
import {
  durationSchema,
  idSchema,
  moment,
  momentOrNull,
  momentSchema,
  momentText,
  nonEmptyText,
  pageQuery,
  pageSchema,
} from '../../http/schemas';

const DAY_MS = 86_400_000;

const expiresAt = momentSchema.refine((moment) => moment.getTime() > Date.now(), 'must be in the future').optional();

/** @param known - every existing scope */
export const newApiKeySchemaFor = (known: readonly string[]) =>
  z
    .strictObject({
      name: nonEmptyText(200).meta({ example: 'checkout service' }),
      scopes: z
        .array(z.enum(known))
        .min(1)
        .max(known.length)
        .transform((scopes) => [...new Set(scopes)]),
      expiresAt,
      tenantId: idSchema('ten')
        .optional()
        .meta({ description: 'A tenant other than your own needs the scope `admin`.' }),
    })
    .meta({ id: 'NewApiKey', example: { name: 'checkout service', scopes: ['messages:write'] } });

export const rotateApiKeySchema = z
  .strictObject({
    overlap: durationSchema(0, 7 * DAY_MS).prefault('24h'),
    expiresAt,
  })
  .meta({ id: 'ApiKeyRotation', example: { overlap: '24h' } })
  .prefault({});

const fields = {
  id: idSchema('key'),
  tenantId: idSchema('ten'),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: momentText,
  expiresAt: momentText.nullable(),
  revokedAt: momentText.nullable(),
};

export const apiKeySchema = z.object(fields).meta({ id: 'ApiKey' });

export const createdApiKeySchema = z
  .object({
    ...fields,
    key: z.string().meta({
      description: 'The key itself. Only this answer shows it.',
      example: 'wb_live_019e0c7b5d0e7cc2a7b1f30d1f2a9c11_'.padEnd(84, 'x'),
    }),
  })
  .meta({ id: 'CreatedApiKey' });

export const apiKeyPageSchema = pageSchema('ApiKeyPage', apiKeySchema);
export const apiKeyParams = z.object({ id: idSchema('key') });
export const apiKeyQuery = z.strictObject(pageQuery);

/** An API key as answers show it. */
export function apiKeyView(key: ApiKey): z.input<typeof apiKeySchema> {
  return {
    id: key.id,
    tenantId: key.tenantId,
    name: key.name,
    scopes: key.scopes,
    createdAt: moment(key.createdAt),
    expiresAt: momentOrNull(key.expiresAt),
    revokedAt: momentOrNull(key.revokedAt),
  };
}
