/** What kind of no a refusal is, for whoever passes it on: an HTTP status, an exit code. */
export type RefusalKind =
  /** It does not exist for whoever asks. */
  | 'not-found'
  | 'already-exists'
  /** The state of what was asked for does not allow it, or not any more. */
  | 'wrong-state'
  /** Somebody is at it this moment. */
  | 'busy'
  /** What was given cannot be used. */
  | 'invalid'
  /** Its time has not come. */
  | 'too-early'
  /** Whoever asks may not have it done. */
  | 'forbidden';

export interface RefusalOptions {
  /** Where in what was given the cause is, as names from the outside in, such as `['source', 'walletId']`. */
  field?: readonly string[];
  /** After how many seconds it is worth asking again. */
  retryAfterSeconds?: number;
  /** The scope without which it is forbidden. */
  scope?: string;
}

/**
 * Thrown by a use case that does not do what it was asked for, with words for whoever asked. Each domain has a class of its
 * own with its codes; who stands at the door, and nobody else, makes an answer of it.
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
