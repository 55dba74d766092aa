import { z } from 'zod';
import { CURRENCIES } from '../../core/currency';
import { MAX_SINGLE_AMOUNT, parseMinorUnits } from '../../core/money';
import { integerPattern } from './number-patterns';

/** An ISO 4217 code. */
export const currencySchema = z
  .enum(CURRENCIES, { error: 'expected an ISO 4217 currency code such as EUR' })
  .meta({ id: 'Currency', description: 'An ISO 4217 code.', example: 'EUR' });

/** A currency in an answer. */
export const currencyText = z.string().meta({ description: 'The ISO 4217 code of the currency.', example: 'EUR' });

export interface AmountBounds {
  /** The smallest, in minor units: at most 1. */
  min: bigint;
  /** Default: yes, where the smallest allows it. */
  zero?: boolean;
  example?: string;
}

/**
 * An amount in a request: minor units as a decimal string, parsed to a bigint. At most {@link MAX_SINGLE_AMOUNT}, and at
 * least as much below zero.
 */
export function amountSchema({ min, zero = true, example = '12345' }: AmountBounds) {
  const wanted = `at least "${min}"${min < 0n && !zero ? ' but not "0"' : ''}`;
  return z
    .string()
    .meta({
      pattern: integerPattern(min, MAX_SINGLE_AMOUNT, { zero }),
      example,
      description: 'Minor units, such as "12345" for 123.45 EUR.',
    })
    .transform((text, ctx) => {
      const amount = parseMinorUnits(text);
      if (amount === undefined || amount < min || (amount === 0n && !zero)) {
        const message = `expected minor units as a decimal string, ${wanted}, such as "12345" for 123.45 EUR`;
        ctx.addIssue({ code: 'custom', message });
        return z.NEVER;
      }
      if (amount <= MAX_SINGLE_AMOUNT) return amount;
      ctx.addIssue({ code: 'custom', message: `must be at most "${MAX_SINGLE_AMOUNT}"` });
      return z.NEVER;
    });
}

/** Like {@link amountSchema}, by the smallest amount. */
export function singleAmountSchema(min: bigint, example?: string) {
  return amountSchema({ min, ...(example === undefined ? {} : { example }) });
}

/** An amount in an answer: minor units as a decimal string. */
export const amountText = z.string().meta({ pattern: '^(0|-?[1-9][0-9]*)$', example: '12345' });

/** Hundredths of a percent. */
export const bpsSchema = z.int().min(0).max(10_000).meta({ example: 290 });
