import type { z } from 'zod';
import { canonicalJson } from '../../core/canonical-json';
import type { Caches } from './caches';
import type { Namespace } from './namespace';
import type { NamespaceOptions } from './options';

/** An object whose methods may be cached. */
export interface HasCaches {
  readonly caches: Caches;
}

/** How a method's results are cached. */
export interface CacheOptions<S extends z.ZodType, A extends unknown[]>
  extends Omit<NamespaceOptions<z.output<S>>, 'schema'> {
  /** What the method resolves to, if to anything. */
  schema: S;
  /** What is one thing to the method: by default the canonical JSON of its arguments. */
  key?: (...args: A) => string;
  tags?: (...args: A) => readonly string[];
}

/**
 * Caches what a method resolves to. In one process callers share a load; each process loads for itself where another one is
 * loading already: for what is cheap to load.
 */
export function Cache<S extends z.ZodType, A extends unknown[]>(options: Omit<CacheOptions<S, A>, 'waitMs'>) {
  return cached<S, A>({ ...options, waitMs: 0 });
}

/** As {@link Cache}, and of all processes one loads while the others wait for it, for `waitMs` at most. */
export function CacheWithStampedeProtection<S extends z.ZodType, A extends unknown[]>(options: CacheOptions<S, A>) {
  return cached<S, A>(options);
}

function cached<S extends z.ZodType, A extends unknown[]>(options: CacheOptions<S, A>) {
  const { key = (...args: A) => canonicalJson(args), tags = () => [], ...namespace } = options;
  // Objects that share caches share a namespace, whose values are of their class and not of one of them.
  const opened = new WeakMap<Caches, Namespace<z.output<S>>>();
  const namespaceOf = (caches: Caches) => {
    const known = opened.get(caches) ?? caches.namespace<z.output<S>>(namespace as NamespaceOptions<z.output<S>>);
    opened.set(caches, known);
    return known;
  };
  return <This extends HasCaches, R extends z.output<S> | undefined>(
    method: (this: This, ...args: A) => Promise<R>,
    _context: ClassMethodDecoratorContext<This, (this: This, ...args: A) => Promise<R>>,
  ) =>
    async function (this: This, ...args: A): Promise<R> {
      const load = () => method.apply(this, args);
      return (await namespaceOf(this.caches).getOrLoad(key(...args), load, { tags: tags(...args) })) as R;
    };
}
