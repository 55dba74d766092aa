import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * The metrics of a process. Each domain creates its own, once, on the shared registry; none is labelled by endpoint or
 * tenant, whose number is unbounded.
 */
export interface Metrics {
  readonly registry: Registry;
  /** What `make` created on this process's registry; `make` is called the first time only. */
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
