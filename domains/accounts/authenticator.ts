import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { type ParsedApiKey, parseApiKey } from './api-key-format';
import { mustHold, ScopeSet } from './scopes';
import { showApiKey } from './show-api-key';
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

/** Bounds the look-ups that tell nothing but that a key is not one: each costs a query, and anybody can make keys up. */
export interface UnknownKeyGuard {
  /** Called before a key that this process has not seen in use is looked up; throws to refuse that. */
  enter(): void;
  /** Called when the key was one after all, or when that could not be found out. */
  leave(): void;
}

interface KnownKey {
  credentials: ApiKeyCredentials;
  principal: Principal;
}

interface Entry {
  /** Counted from the query for the row, so that a slow answer does not extend it. */
  believedUntil: number;
  key: KnownKey | undefined | Promise<KnownKey | undefined>;
  /** The row before this one: who knows its secret may ask for it again. */
  before: KnownKey | undefined;
}

const BEARER = /^bearer +(\S+)$/i;

/** Checks API keys. Rows are remembered for a second at most; concurrent requests with one key read it once. */
export class Authenticator {
  readonly #entries: LRUCache<PublicId, Entry>;
  /**
   * The hashes of headers that were accepted lately, which need not be computed for every request. What they are worth is
   * decided anew each time; a header that never was right is not kept.
   */
  readonly #accepted: LRUCache<string, ParsedApiKey>;
  readonly #maxAgeMs: number;

  constructor(
    private readonly db: Queryable,
    options: AuthenticatorOptions = {},
  ) {
    this.#entries = new LRUCache({ max: options.maxKeys ?? 10_000 });
    this.#accepted = new LRUCache({ max: options.maxKeys ?? 10_000 });
    this.#maxAgeMs = options.maxAgeMs ?? 1_000;
  }

  /**
   * @param header - the `Authorization` header
   * @param guard - not called for a key that this process knows, so that nobody can lock out those in use
   * @returns `undefined` alike for a missing, malformed, unknown, wrong, expired and revoked key
   */
  async authenticate(header: string | undefined, guard?: UnknownKeyGuard): Promise<Principal | undefined> {
    if (header === undefined) return undefined;
    const accepted = this.#accepted.get(header);
    const parsed = accepted ?? parse(header);
    if (parsed === undefined) return undefined;
    const known = this.#entries.get(parsed.id);
    const fresh = known !== undefined && known.believedUntil > performance.now();
    const found = fresh ? known.key : this.#ask(parsed, lastOf(known), guard);
    const key = found instanceof Promise ? await found : found;
    if (key === undefined || !isSecretOf(key, parsed.secretHash)) return undefined;
    const { revokedAt, expiresAt } = key.credentials;
    if (revokedAt !== undefined || (expiresAt !== undefined && expiresAt.getTime() <= Date.now())) return undefined;
    if (accepted === undefined) this.#accepted.set(header, parsed);
    return key.principal;
  }

  /**
   * Whether a caller may see what was shown to another API key of its tenant.
   *
   * @throws AccountRefusal `lacks-scope` unless the caller has all of that key's scopes
   */
  async mustStandFor({ tenantId, scopes }: Principal, keyId: PublicId): Promise<void> {
    const other = await showApiKey(this.db, tenantId, keyId);
    mustHold(scopes, other.scopes);
  }

  /** Forgets a key's row at once, in this process. */
  forget(keyId: PublicId): void {
    this.#entries.delete(keyId);
  }

  /** @param before - the key's row when it was last read */
  async #ask(
    { id, secretHash }: ParsedApiKey,
    before: KnownKey | undefined,
    guard: UnknownKeyGuard | undefined,
  ): Promise<KnownKey | undefined> {
    const counting = isSecretOf(before, secretHash) ? undefined : guard;
    counting?.enter();
    let isNone = false;
    try {
      const key = await this.#look(id, before);
      isNone = !isSecretOf(key, secretHash);
      return key;
    } finally {
      if (!isNone) counting?.leave();
    }
  }

  #look(id: PublicId, before: KnownKey | undefined): Entry['key'] {
    const entry: Entry = { believedUntil: performance.now() + this.#maxAgeMs, key: this.#load(id), before };
    this.#entries.set(id, entry);
    if (entry.key instanceof Promise) {
      void entry.key.then(
        (key) => {
          entry.key = key;
        },
        () => {
          // A failed look-up says nothing about the key; one in use stays known.
          if (this.#entries.peek(id) !== entry) return;
          if (before === undefined) this.#entries.delete(id);
          else this.#entries.set(id, { believedUntil: 0, key: before, before });
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

function parse(header: string): ParsedApiKey | undefined {
  const token = BEARER.exec(header)?.[1];
  return token === undefined ? undefined : parseApiKey(token);
}

/** The newest row of a key that has been read. */
function lastOf(entry: Entry | undefined): KnownKey | undefined {
  return entry?.key instanceof Promise ? entry.before : entry?.key;
}

function isSecretOf(key: KnownKey | undefined, secretHash: Buffer): boolean {
  if (key === undefined) return false;
  const { credentials } = key;
  return credentials.secretHash.length === secretHash.length && timingSafeEqual(credentials.secretHash, secretHash);
}
