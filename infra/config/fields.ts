import { z } from 'zod';
import { parseDuration } from '../../core/duration';

/** What the documentation says about an environment variable. */
interface Told {
  description: string;
  /** The value used when the variable is not set, as it would be written. */
  fallback?: string;
}

/** Describes a variable and its default, if it has one; `docs/operations.md` is generated from these. */
export function setting<S extends z.ZodType>(schema: S, description: string, fallback?: string): S {
  const told: Told = fallback === undefined ? { description } : { description, fallback };
  return schema.meta({ ...told });
}

/** The description and default that {@link setting} gave a variable. */
export function toldOf(schema: z.ZodType): Partial<Told> {
  const { description, fallback } = schema.meta() ?? {};
  return {
    ...(description === undefined ? {} : { description }),
    ...(typeof fallback === 'string' ? { fallback } : {}),
  };
}

/** A check, with its message, that a URL names no user: such a URL is shown in answers, errors and logs. */
export const WITHOUT_CREDENTIALS = [
  (url: string) => !/^[^/]*\/\/[^/?#]*@/.test(url),
  'must not contain a user name or password',
] as const;

/** A duration such as `500ms` or `30d`; parsed to milliseconds. */
export function duration(fallback: string, description: string, longestMs = Number.POSITIVE_INFINITY) {
  const schema = z
    .string()
    .default(fallback)
    .transform((text, ctx) => {
      const ms = parseDuration(text);
      if (ms === undefined) {
        ctx.addIssue({ code: 'custom', message: 'expected a duration such as 500ms, 30s, 5m, 2h or 7d' });
        return z.NEVER;
      }
      return ms;
    })
    .refine((ms) => ms <= longestMs, `expected at most ${longestMs / 1_000}s`);
  return setting(schema, description, fallback);
}

/** A port; 0 for any that is free. */
export function port(fallback: number, description: string) {
  const schema = z.coerce.number('expected a port number from 0 to 65535').int().min(0).max(65_535).default(fallback);
  return setting(schema, description, String(fallback));
}

/** A whole number from 1 to `most`. */
export function count(fallback: number, most: number, description: string) {
  const schema = z.coerce.number(`expected a whole number from 1 to ${most}`).int().min(1).max(most).default(fallback);
  return setting(schema, description, String(fallback));
}

/** `true` or `false`; false unless it is set. */
export function flag(description: string) {
  const schema = z
    .enum(['true', 'false'], 'expected true or false')
    .default('false')
    .transform((text) => text === 'true');
  return setting(schema, description, 'false');
}

/** Comma-separated texts; none unless it is set. */
export function list(description: string) {
  const schema = z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    );
  return setting(schema, description);
}
