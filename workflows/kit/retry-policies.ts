import type { RetryPolicy } from '@temporalio/common';
import type { PermanentError } from '../../core/permanent-error';
import * as ledgerErrors from '../../domains/ledger/rules/errors';
import * as paymentErrors from '../../domains/payments/rules/errors';
import * as settlementErrors from '../../domains/settlement/rules/errors';

type PermanentErrorClass = abstract new (...args: never[]) => PermanentError;

/** What a domain's `rules/errors.ts` exports: its permanent errors, and nothing else. */
const OF_DOMAINS: readonly Readonly<Record<string, PermanentErrorClass>>[] = [
  ledgerErrors,
  paymentErrors,
  settlementErrors,
];

/**
 * The types of errors that no retry changes. A declined card is not one: it is a result. An error's type in Temporal is
 * its name, which is that of its class.
 */
export const PERMANENT_ERRORS = OF_DOMAINS.flatMap((errors) => Object.values(errors).map(({ name }) => name));

/** The database is away for a moment: 5 retries, after 0.5, 1, 2, 4 and 8 seconds. */
export const DATABASE_RETRY = {
  initialInterval: 500,
  backoffCoefficient: 2,
  maximumAttempts: 6,
  nonRetryableErrorTypes: PERMANENT_ERRORS,
} satisfies RetryPolicy;

/** Another service is asked something: 3 retries, after 2, 4 and 8 seconds. */
export const EXTERNAL_API_RETRY = {
  initialInterval: 2_000,
  backoffCoefficient: 2,
  maximumAttempts: 4,
  nonRetryableErrorTypes: PERMANENT_ERRORS,
} satisfies RetryPolicy;

/** Money is moved at the provider: 2 retries, after 3 and 6 seconds. After that the provider is asked for the outcome. */
export const PAYMENT_RETRY = {
  initialInterval: 3_000,
  backoffCoefficient: 2,
  maximumAttempts: 3,
  nonRetryableErrorTypes: PERMANENT_ERRORS,
} satisfies RetryPolicy;

/** Somebody has to be told: retried for a week, in the end once a minute. */
export const INSISTENT_RETRY = {
  initialInterval: 500,
  backoffCoefficient: 2,
  maximumInterval: 60_000,
  maximumAttempts: 10_000,
} satisfies RetryPolicy;

export type Policy = RetryPolicy & { initialInterval: number };

/** The policy with waits `pace` times as long. */
export function paced(policy: Policy, pace: number): RetryPolicy {
  return { ...policy, initialInterval: Math.max(1, Math.round(policy.initialInterval * pace)) };
}
