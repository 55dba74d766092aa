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

  /** The scopes among these that are not included. */
  missing(scopes: readonly string[]): string[] {
    return scopes.filter((scope) => !this.allows(scope));
  }
}
