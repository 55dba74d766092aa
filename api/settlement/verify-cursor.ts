import { z } from 'zod';
import type { VerificationProgress } from '../../domains/settlement';
import { invalidField } from '../http/problems';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const place = z.strictObject({ seq: z.int().min(0), hash });
const progressSchema: z.ZodType<VerificationProgress> = z.strictObject({
  at: place,
  valid: place,
  brokenAt: z.int().min(1).nullable(),
  bad: z.boolean(),
  expected: place.nullable(),
  items: z
    .strictObject({
      hash,
      items: z.int().min(0),
      after: z.strictObject({ merchant: z.guid(), currency: z.string().max(3), transaction: z.guid() }).nullable(),
    })
    .nullable(),
});

/** How far a verification has come, as opaque text. It is not signed: whoever forges it deceives only themselves. */
export function progressText(progress: VerificationProgress): string {
  return Buffer.from(JSON.stringify(progress)).toString('base64url');
}

/** @throws a problem when it is not one of ours */
export function progressOf(text: string | undefined): VerificationProgress | undefined {
  if (text === undefined) return undefined;
  try {
    return progressSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  } catch {
    throw invalidField('query', '#/next', 'is not from an answer of this request');
  }
}
