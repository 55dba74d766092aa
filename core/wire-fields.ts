import { z } from 'zod';
import type { IdPrefix } from './ids';

/** Fields as they leave Waybill, in answers and in events. What is said of them for documents is not checked again. */

/** An id with this prefix, such as `msg_019e0c7b5d0e7cc2a7b1f30d1f2a9c11`. */
export function idText(prefix: IdPrefix) {
  return z
    .string()
    .meta({ pattern: `^${prefix}_[0-9a-f]{32}$`, example: `${prefix}_019e0c7b5d0e7cc2a7b1f30d1f2a9c11` });
}

/** An amount: minor units as a decimal string. */
export const amountText = z.string().meta({ pattern: '^(0|-?[1-9][0-9]*)$', example: '12345' });

/** A count that may exceed what a double holds exactly. */
export const countText = z.string().meta({ pattern: '^(0|[1-9][0-9]*)$', example: '1204' });

/** A currency. */
export const currencyText = z.string().meta({ description: 'The ISO 4217 code of the currency.', example: 'EUR' });

/** A moment: RFC 3339 in UTC. */
export const momentText = z.string().meta({ format: 'date-time', example: '2030-01-31T12:00:00.000Z' });

/** A calendar date. */
export const dateText = z.string().meta({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', format: 'date', example: '2026-10-29' });

/** A SHA-256 in hex. */
export const hashText = z.string().meta({
  pattern: '^[0-9a-f]{64}$',
  example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
});
