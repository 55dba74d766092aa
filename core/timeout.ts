/** Thrown by {@link withTimeout}. */
export class TimedOut extends Error {
  override name = 'TimedOut';
}

/**
 * Gives up waiting for a promise after `ms`; its work goes on unattended.
 *
 * @throws TimedOut
 */
export function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimedOut(`no answer within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
