import { z } from 'zod';
import { duration, setting, WITHOUT_CREDENTIALS } from '../../infra/config/fields';
import { parseSecret } from '../webhooks';

const LONGEST_TIMEOUT_MS = 30_000;

export const paymentsConfig = z.object({
  WAYBILL_PAYMENT_PROVIDER_URL: setting(
    z
      .url({ protocol: /^https?$/, error: 'expected an http(s):// URL' })
      .refine(...WITHOUT_CREDENTIALS)
      .optional(),
    'address of the card payment provider ([payments.md](payments.md)); without it payments are made from wallets only',
  ),
  WAYBILL_PAYMENT_PROVIDER_KEY: setting(z.string().optional(), "the provider's API key"),
  WAYBILL_PAYMENT_PROVIDER_SECRET: setting(
    z
      .string()
      .refine((secret) => parseSecret(secret) !== undefined, 'expected whsec_ and base64 of 24 to 64 bytes')
      .optional(),
    '`whsec_…` secret that the provider signs its callbacks with (Standard Webhooks)',
  ),
  WAYBILL_PAYMENT_PROVIDER_TIMEOUT: setting(
    duration('10s', '', LONGEST_TIMEOUT_MS).refine((ms) => ms > 0, 'expected more than 0s'),
    'how long the provider has to answer, 30s at most',
    '10s',
  ),
  WAYBILL_PAYMENT_PROVIDER_KEY_WINDOW: duration(
    '24h',
    'how long the provider remembers idempotency keys; a call is not repeated after that',
  ),
  WAYBILL_PAYMENT_FIRST_ATTEMPT: setting(
    z.enum(['api', 'workflow'], 'expected api or workflow').default('api'),
    'who calls the provider first: the process that accepts the payment or refund, or its workflow',
    'api',
  ),
  WAYBILL_PAYMENT_PACE: setting(
    z.coerce.number('expected a number above 0').positive().max(100).default(1),
    'factor for all waits between tries of a payment, below 1 for tests',
    '1',
  ),
});

export type PaymentsConfig = z.output<typeof paymentsConfig>;
