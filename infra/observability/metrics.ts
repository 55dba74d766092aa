import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * The metrics of a process. Each domain makes its own, once, on the registry that all share; none is labelled by endpoint
 * or tenant, of which there is no bounded number.
 */
export interface Metrics {
  readonly registry: Registry;
  /** What `make` has made on this process's registry; it is called the first time only. */
  of<T>(make: (registry: Registry) => T): T;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const made = new Map<unknown, unknown>();
  return {
    registry,
    of<T>(make: (registry: Registry) => T): T {
      if (!made.has(make)) made.set(make, make(registry));
      return made.get(make) as T;
    },
  };
}
