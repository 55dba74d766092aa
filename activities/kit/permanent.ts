import { ApplicationFailure } from '@temporalio/activity';
import { PermanentError } from '../../core/permanent-error';

type Activities = Record<string, (...args: never[]) => Promise<unknown>>;

/**
 * Keeps Temporal from retrying what no retry changes: a {@link PermanentError} becomes a non-retryable failure with the
 * error's name as its type. So it does not matter whether a workflow's retry policy lists it.
 */
export function endingAtPermanentErrors<A extends Activities>(activities: A): A {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    (...args: never[]) => run(...args).catch(passOn),
  ]);
  return Object.fromEntries(wrapped) as A;
}

function passOn(error: unknown): never {
  if (!(error instanceof PermanentError)) throw error;
  throw ApplicationFailure.create({ message: error.message, type: error.name, nonRetryable: true, cause: error });
}
