/** What an API key may do. `*` is every scope but `admin`, which is for tenants and for keys of other tenants. */
export const SCOPES = [
  '*',
  'admin',
  'api-keys:read',
  'api-keys:write',
  'endpoints:read',
  'endpoints:write',
  'endpoint-secrets:read',
  'endpoint-secrets:write',
  'event-types:read',
  'event-types:write',
  'messages:read',
  'messages:write',
  'deliveries:read',
  'deliveries:write',
  'dead-letters:read',
  'dead-letters:write',
  'payments:read',
  'payments:write',
  'finance:read',
  'finance:write',
  'finance:settle',
] as const;

export type Scope = (typeof SCOPES)[number];

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
