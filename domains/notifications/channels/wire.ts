/** What became of something that was given to a provider. */
export type WireResult =
  /** The provider has it. */
  | { outcome: 'sent'; reference: string | undefined }
  /** It will never take it; `address` says when that is because nothing can be sent there. */
  | { outcome: 'refused'; error: string; address: 'bounce' | 'invalid' | undefined }
  /** It may take it later; or it may have it, and its answer was lost. */
  | { outcome: 'failed'; error: string; retryAfterMs: number | undefined };

/** Gives one thing to a provider, within a deadline. It never rejects. */
export type Deliver<Letter> = (letter: Letter) => Promise<WireResult>;

/** A way to a provider. */
export interface Carrier<Letter> {
  /**
   * Makes ready what sending takes, a connection or a free place, and holds it while `work` runs: a decision that is taken
   * within it is as young as can be when its send begins.
   *
   * @param group - a tenant; they take turns
   * @throws NotReady when it cannot be made ready
   */
  ready<T>(group: string, work: (deliver: Deliver<Letter>) => Promise<T>): Promise<T>;
  /** Waits for what is under way, and lets connections go. */
  close(): Promise<void>;
}

/** Thrown with what is in the way, for the tenant to read. */
export class NotReady extends Error {
  override name = 'NotReady';
}
