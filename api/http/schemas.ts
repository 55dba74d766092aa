import { z } from 'zod';
import { formatDuration, parseDuration } from '../../core/duration';
import { grouped } from '../../core/grouped';
import type { IdPrefix } from '../../core/ids';
import { RawJson } from '../../core/json/raw-json';
import { MAX_METADATA_ENTRIES } from '../../core/metadata';
import { timeZoneName } from '../../core/time-zone';

/** Schemas that several resources share. */

const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** An id with this prefix, such as `msg_019e0c7b5d0e7cc2a7b1f30d1f2a9c11`. */
export function idSchema(prefix: IdPrefix) {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`), `expected ${prefix}_ and 32 hex digits`)
    .meta({ example: `${prefix}_019e0c7b5d0e7cc2a7b1f30d1f2a9c11` });
}

/** Free text: anything that the database can store, at most `max` characters. */
export function text(max: number) {
  return z
    .string()
    .refine((value) => hasAtMost(value, max), `must have at most ${max} characters`)
    .refine((value) => !UNSTORABLE.test(value), 'must not contain NUL characters or unpaired surrogates')
    .meta({ maxLength: max, pattern: '^[^\\x00]*$' });
}

/** Characters as JSON Schema, Postgres and people count them: one outside of the basic plane is one, not two. */
function hasAtMost(value: string, max: number): boolean {
  if (value.length <= max) return true;
  if (value.length > 2 * max) return false;
  let count = 0;
  for (const _character of value) if (++count > max) return false;
  return true;
}

/** A whole number in a query or path: digits alone, where a conversion would take `1e1`, ` 5` and `+5.0` as well. */
export function integerText({ min, max, description }: { min: number; max: number; description: string }) {
  const expected = `expected a whole number from ${min} to ${grouped(max)}`;
  return z
    .string(expected)
    .regex(/^(0|[1-9]\d{0,15})$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected)
    .meta({ type: 'integer', minimum: min, maximum: max, description });
}

/** Like {@link text}, with at least one character. */
export function nonEmptyText(max: number) {
  return text(max).min(1, 'must not be empty');
}

/**
 * A map of names to values, of `most` entries. They are counted before any is looked at: Zod would describe what is wrong
 * with each of 100,000, which takes a second (a list's `max` it checks first). Zod drops an entry named `__proto__`; it is refused here, since it would be
 * lost.
 *
 * @param entries - what the message for too many calls them
 */
export function mapOf<V extends z.ZodType>(name: z.ZodString, value: V, most: number, entries = 'entries') {
  return z
    .preprocess(
      (map, ctx) => {
        if (typeof map !== 'object' || map === null) return map;
        if (Object.hasOwn(map, '__proto__')) {
          ctx.addIssue({ code: 'custom', message: 'must not have an entry "__proto__"' });
        }
        if (hasMoreThan(map, most)) ctx.addIssue({ code: 'custom', message: `must have at most ${most} ${entries}` });
        return map;
      },
      z.record(name, value),
    )
    .meta({ maxProperties: most, propertyNames: namesOf(name) });
}

/** What names of a map may be, as JSON Schema says it. */
function namesOf(name: z.ZodString): object {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(name, { io: 'input' });
  return schema;
}

function hasMoreThan(map: object, most: number): boolean {
  let count = 0;
  for (const _name in map) if (++count > most) return true;
  return false;
}

const metadataName = nonEmptyText(64);
const metadataValue = text(512);

/** What a client keeps with a resource: its own names and values. */
export const metadataSchema = mapOf(metadataName, metadataValue, MAX_METADATA_ENTRIES);

/** A change of it: given entries are set, null removes one, the others stay. It may exchange every one. */
export const metadataChangeSchema = mapOf(metadataName, metadataValue.nullable(), 2 * MAX_METADATA_ENTRIES);

/** Any JSON value, as the text that was sent: for one of a route's `rawMembers`. */
export const rawJson = z.unknown().transform((value, ctx): RawJson => {
  if (value instanceof RawJson) return value;
  ctx.addIssue({ code: 'custom', message: 'is required' });
  return z.NEVER;
});

/** A duration such as `30s`; parsed to milliseconds. Bounds are in milliseconds. */
export function durationSchema(min: number, max: number) {
  const bounds = `from ${formatDuration(min)} to ${formatDuration(max)}`;
  return z
    .string()
    .meta({ pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$', example: '30s', description: `A duration ${bounds}` })
    .transform((value, ctx) => {
      const ms = value.length > 20 ? undefined : parseDuration(value);
      if (ms !== undefined && ms >= min && ms <= max) return ms;
      ctx.addIssue({ code: 'custom', message: `expected a duration ${bounds}, such as 500ms, 30s, 5m, 2h or 7d` });
      return z.NEVER;
    });
}

/** A duration in an answer. */
export const durationText = z.string().meta({ example: '30s' });

/** A moment in a request, RFC 3339; parsed to a Date. */
export const momentSchema = z.iso
  .datetime({ offset: true, error: 'expected a time such as 2030-01-31T12:00:00Z' })
  .meta({ example: '2030-01-31T12:00:00Z', pattern: z.toJSONSchema(z.iso.datetime({ offset: true })).pattern })
  .transform((value) => new Date(value));

/** A moment in an answer: RFC 3339 in UTC. */
export const momentText = z.iso.datetime().meta({ example: '2030-01-31T12:00:00.000Z' });

const DEFAULT_LIMIT = 50;

/** Query parameters of every list. */
export const pageQuery = {
  limit: integerText({
    min: 1,
    max: 250,
    description: 'Most entries in a page. With filters it may have fewer although there is a next one.',
  })
    .default(DEFAULT_LIMIT)
    .meta({ default: DEFAULT_LIMIT }),
  cursor: z
    .string()
    .min(1)
    .max(400)
    .optional()
    .meta({ description: 'The `next` or `previous` of another page; leave it out for the first page.' }),
  order: z
    .enum(['asc', 'desc'])
    .optional()
    .meta({ description: 'Oldest or newest first. A cursor keeps the order of the page it came from.' }),
};

/** Query parameters of lists ordered by time. */
export const timeQuery = {
  since: momentSchema.optional(),
  until: momentSchema.optional(),
};

/** The answer of a list. */
export function pageSchema<T extends z.ZodType>(name: string, entry: T) {
  return z
    .object({
      data: z.array(entry),
      next: z.string().nullable().meta({ description: 'Cursor of the next page, null on the last one.' }),
      previous: z.string().nullable().meta({ description: 'Cursor of the page before, null on the first one.' }),
    })
    .meta({ id: name });
}

/** A moment as answers write it. */
export function moment(date: Date): string {
  return date.toISOString();
}

/** A moment as answers write it, null when there is none. */
export function momentOrNull(date: Date | undefined): string | null {
  return date === undefined ? null : date.toISOString();
}

/** An IANA time zone's name in upper or lower case; parsed to its proper spelling. */
export const timeZoneSchema = z
  .string()
  .max(64)
  .meta({ example: 'Africa/Cairo' })
  .transform((text, ctx) => {
    const name = timeZoneName(text);
    if (name !== undefined) return name;
    ctx.addIssue({ code: 'custom', message: 'expected an IANA time zone such as Africa/Cairo' });
    return z.NEVER;
  });
