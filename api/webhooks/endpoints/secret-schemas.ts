import { z } from 'zod';
import { type LiveSecrets, parseSecret } from '../../../domains/webhooks';
import { durationSchema, moment, momentText } from '../../http/schemas';

const DAY_MS = 86_400_000;

/** A signing secret in the form of Standard Webhooks. */
export const secretSchema = z
  .string()
  .max(100)
  .refine((secret) => parseSecret(secret) !== undefined, 'expected whsec_ and base64 of 24 to 64 bytes')
  .meta({ pattern: '^whsec_[A-Za-z0-9+/]{32,86}={0,2}$', example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' });

export const rotateSecretSchema = z
  .strictObject({
    secret: secretSchema.optional().meta({ description: 'The new secret; generated if left out.' }),
    overlap: durationSchema(0, 7 * DAY_MS)
      .prefault('24h')
      .meta({ description: 'How long the old secret keeps signing beside the new one.' }),
  })
  .meta({ id: 'SecretRotation', example: { overlap: '24h' } })
  .prefault({});

export const endpointSecretSchema = z
  .object({
    secret: z.string().meta({ description: 'The current signing secret.' }),
    createdAt: momentText,
    previous: z
      .array(z.object({ secret: z.string(), expiresAt: momentText }))
      .meta({ description: 'Older secrets that still sign, newest first.' }),
  })
  .meta({ id: 'EndpointSecret' });

/** An endpoint's secrets as answers show them. */
export function secretsView({ secret, createdAt, previous }: LiveSecrets): z.input<typeof endpointSecretSchema> {
  return {
    secret,
    createdAt: moment(createdAt),
    previous: previous.map((old) => ({ secret: old.secret, expiresAt: moment(old.expiresAt) })),
  };
}
