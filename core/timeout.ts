/** Thrown by {@link withTimeout}. */
export class TimedOut extends Error {
  override name = 'TimedOut';
}

/**
 * Gives up waiting for a promise after `ms`; what it stands for goes on unattended.
 *
 * For calls to Temporal from the API this stands in for the client's `withDeadline`, which runs them in an
 * AsyncLocalStorage: on Node 20 its first use switches hooks on for every promise of the process, for good.
 *
 * @throws TimedOut
 */
export function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimedOut(`no answer within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
