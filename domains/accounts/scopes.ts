import { AccountRefusal } from './refusals';

/** The scopes of a request's key. */
export class ScopeSet {
  readonly #scopes: ReadonlySet<string>;

  constructor(scopes: readonly string[]) {
    this.#scopes = new Set(scopes);
  }

  /** Whether these scopes include another. */
  allows(scope: string): boolean {
    return this.#scopes.has(scope) || (scope !== 'admin' && this.#scopes.has('*'));
  }

  /** The given scopes that are not included. */
  missing(scopes: readonly string[]): string[] {
    return scopes.filter((scope) => !this.allows(scope));
  }
}

/**
 * Nobody may grant, take over or revoke scopes that they lack.
 *
 * @param scopes - those of the key to create, replace or revoke
 * @throws AccountRefusal `lacks-scope`
 */
export function mustHold(own: ScopeSet, scopes: readonly string[]): void {
  const missing = own.missing(scopes);
  const [scope] = missing;
  if (scope === undefined) return;
  const named = missing.map((name) => `"${name}"`).join(', ');
  const detail = `Your API key lacks scopes that the other key has or would have: ${named}.`;
  throw new AccountRefusal('lacks-scope', detail, { scope });
}
