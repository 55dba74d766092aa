import { GuardedError } from './errors';

/** A response that cannot be taken as HTTP; `detail` says what is wrong and repeats nothing that the receiver sent. */
export function protocolError(detail: string): GuardedError {
  return new GuardedError('protocol', detail);
}
