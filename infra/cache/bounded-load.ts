import { CacheLoadTimeout } from './errors';

/** Loads what is to be cached. @returns undefined when there is nothing; the signal ends with the time that it has */
export type Load<T> = (signal: AbortSignal) => Promise<T>;

/** Gives up on a loader after its time. @throws CacheLoadTimeout, and what it throws */
export function boundedLoad<T>(load: Load<T>, namespace: string, withinMs: number): Promise<T> {
  const given = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = new CacheLoadTimeout(`a loader of the namespace "${namespace}" took more than ${withinMs} ms`);
      reject(error);
      given.abort(error);
    }, withinMs);
    // A loader may throw before it is a promise.
    Promise.resolve(given.signal)
      .then(load)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
