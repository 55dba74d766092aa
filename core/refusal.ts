/** The kind of a refusal, for whoever turns it into an HTTP status or an exit code. */
export type RefusalKind =
  /** It does not exist for the caller. */
  | 'not-found'
  /** It was there, and is no longer. */
  | 'gone'
  | 'already-exists'
  /** The resource's state does not allow it, or no longer does. */
  | 'wrong-state'
  /** It is not the version that the caller expects. */
  | 'outdated'
  /** Somebody else is working on it at the moment. */
  | 'busy'
  /** The input cannot be used. */
  | 'invalid'
  /** The `Idempotency-Key` was used for something else. */
  | 'key-reuse'
  /** Its time has not come. */
  | 'too-early'
  /** The caller may not do it. */
  | 'forbidden';

export interface RefusalOptions {
  /** Where in the input the cause is, as names from the outside in, such as `['source', 'walletId']`. */
  field?: readonly string[];
  /** After how many seconds it is worth asking again. */
  retryAfterSeconds?: number;
  /** The version that an outdated resource has now. */
  version?: number | undefined;
  /** The scope that the caller lacks. */
  scope?: string;
}

/**
 * Thrown by a use case that does not do what it was asked for, with a message for the caller. Each domain has its own
 * class with its own codes; only the HTTP adapter turns it into an answer.
 */
export abstract class Refusal extends Error {
  /** The domain's own name for it. */
  abstract readonly code: string;

  constructor(
    readonly kind: RefusalKind,
    detail?: string,
    readonly options: RefusalOptions = {},
  ) {
    super(detail);
  }
}

/** A domain's class of refusals: its codes, and of what kind each is. To be extended under a name. */
export function refusalOf<Code extends string>(kinds: Readonly<Record<Code, RefusalKind>>) {
  return class extends Refusal {
    constructor(
      readonly code: Code,
      detail?: string,
      options?: RefusalOptions,
    ) {
      super(kinds[code], detail, options);
      this.name = new.target.name;
    }
  };
}
