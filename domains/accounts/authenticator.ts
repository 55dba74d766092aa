import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { parseApiKey } from './api-key-format';
import { ScopeSet } from './scopes';
import { type ApiKeyCredentials, findCredentials } from './store/api-keys';

/** Who makes a request. */
export interface Principal {
  tenantId: PublicId;
  keyId: PublicId;
  scopes: ScopeSet;
}

export interface AuthenticatorOptions {
  /** How long a key's row is trusted, in milliseconds, and so how late a revocation may take effect in this process. */
  maxAgeMs?: number;
  /** Most keys remembered. */
  maxKeys?: number;
}

interface KnownKey {
  credentials: ApiKeyCredentials;
  principal: Principal;
}

interface Entry {
  /** Counted from the query for the row, so that a slow answer does not extend it. */
  believedUntil: number;
  key: KnownKey | undefined | Promise<KnownKey | undefined>;
}

const BEARER = /^bearer +(\S+)$/i;

/** Checks API keys. Rows are remembered for a second at most; concurrent requests with one key read it once. */
export class Authenticator {
  readonly #entries: LRUCache<PublicId, Entry>;
  readonly #maxAgeMs: number;

  constructor(
    private readonly db: Queryable,
    options: AuthenticatorOptions = {},
  ) {
    this.#entries = new LRUCache({ max: options.maxKeys ?? 10_000 });
    this.#maxAgeMs = options.maxAgeMs ?? 1_000;
  }

  /**
   * @param header - the `Authorization` header
   * @returns `undefined` alike for a missing, malformed, unknown, wrong, expired and revoked key
   */
  async authenticate(header: string | undefined): Promise<Principal | undefined> {
    const token = header === undefined ? undefined : BEARER.exec(header)?.[1];
    const parsed = token === undefined ? undefined : parseApiKey(token);
    if (parsed === undefined) return undefined;
    const found = this.#look(parsed.id);
    const key = found instanceof Promise ? await found : found;
    if (key === undefined) return undefined;
    const { secretHash, revokedAt, expiresAt } = key.credentials;
    if (secretHash.length !== parsed.secretHash.length || !timingSafeEqual(secretHash, parsed.secretHash))
      return undefined;
    if (revokedAt !== undefined || (expiresAt !== undefined && expiresAt.getTime() <= Date.now())) return undefined;
    return key.principal;
  }

  /** Forgets a key's row at once, in this process. */
  forget(keyId: PublicId): void {
    this.#entries.delete(keyId);
  }

  #look(id: PublicId): Entry['key'] {
    const now = performance.now();
    const known = this.#entries.get(id);
    if (known !== undefined && known.believedUntil > now) return known.key;
    const entry: Entry = { believedUntil: now + this.#maxAgeMs, key: this.#load(id) };
    this.#entries.set(id, entry);
    if (entry.key instanceof Promise) {
      void entry.key.then(
        (key) => {
          entry.key = key;
        },
        () => {
          if (this.#entries.peek(id) === entry) this.#entries.delete(id);
        },
      );
    }
    return entry.key;
  }

  async #load(id: PublicId): Promise<KnownKey | undefined> {
    const credentials = await findCredentials(this.db, id);
    if (credentials === undefined) return undefined;
    return {
      credentials,
      principal: { tenantId: credentials.tenantId, keyId: id, scopes: new ScopeSet(credentials.scopes) },
    };
  }
}
