import { z } from 'zod';
import { CURRENCIES } from '../../core/currency';
import { MAX_SINGLE_AMOUNT, parseMinorUnits } from '../../core/money';

/** An ISO 4217 code. */
export const currencySchema = z
  .string()
  .refine((code) => CURRENCIES.includes(code), 'expected an ISO 4217 currency code such as EUR')
  .meta({ pattern: '^[A-Z]{3}$', example: 'EUR' });

/** An amount in a request: minor units as a decimal string, parsed to a bigint. Bounds are in minor units. */
export function amountSchema(min: bigint, example = '12345') {
  return z
    .string()
    .meta({ pattern: '^-?(0|[1-9][0-9]{0,18})$', example, description: 'Minor units, such as "12345" for 123.45 EUR.' })
    .transform((text, ctx) => {
      const amount = parseMinorUnits(text);
      if (amount !== undefined && amount >= min) return amount;
      ctx.addIssue({
        code: 'custom',
        message: `expected minor units as a decimal string, at least "${min}", such as "12345" for 123.45 EUR`,
      });
      return z.NEVER;
    });
}

/** Like {@link amountSchema}, for one amount, at most {@link MAX_SINGLE_AMOUNT}. */
export function singleAmountSchema(min: bigint, example?: string) {
  return amountSchema(min, example).refine(
    (amount) => amount <= MAX_SINGLE_AMOUNT,
    `must be at most "${MAX_SINGLE_AMOUNT}"`,
  );
}

/** An amount in an answer: minor units as a decimal string. */
export const amountText = z.string().meta({ pattern: '^-?[0-9]+$', example: '12345' });

/** Hundredths of a percent. */
export const bpsSchema = z.int().min(0).max(10_000).meta({ example: 290 });
