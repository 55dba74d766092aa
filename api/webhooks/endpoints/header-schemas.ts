import { z } from 'zod';
import { isReservedHeader, MAX_CUSTOM_HEADERS } from '../../../domains/webhooks';
import { mapOf } from '../../http/schemas';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/;
const VALUE = /^[\x20-\x7e]{1,1024}$/;

/** What answers show instead of a header's value. */
export const MASK = '********';

function headersOf<V extends z.ZodType<string | null>>(value: V, most: number) {
  return mapOf(z.string().meta({ pattern: TOKEN.source }), value, most, 'headers').transform((headers, ctx) => {
    const parsed = new Map<string, z.output<V>>();
    for (const [given, content] of Object.entries(headers)) {
      const name = given.toLowerCase();
      const wrong = !TOKEN.test(given)
        ? 'is not a header name'
        : isReservedHeader(name)
          ? 'is reserved: Waybill sets it itself'
          : parsed.has(name)
            ? 'is given twice'
            : undefined;
      if (wrong !== undefined) ctx.addIssue({ code: 'custom', path: [given], message: wrong });
      parsed.set(name, content);
    }
    return Object.fromEntries(parsed);
  });
}

const value = z
  .string()
  .regex(VALUE, 'expected 1 to 1,024 visible ASCII characters')
  .refine(
    (text) => text !== MASK,
    'is the mask that answers show instead of the value; leave the header out to keep it',
  )
  .refine((text) => text.trim() === text, 'must not begin or end with a space');

/** Custom headers of a new endpoint, names in lower case. */
export const headersSchema = headersOf(value, MAX_CUSTOM_HEADERS).meta({ example: { 'x-shop': 'berlin' } });

/** A change of custom headers: given ones are set, null removes one, the others stay. It may exchange every one. */
export const headersChangeSchema = headersOf(value.nullable(), 2 * MAX_CUSTOM_HEADERS).meta({
  example: { 'x-shop': null },
});

/** Custom headers as answers show them. */
export function maskHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, MASK]));
}
