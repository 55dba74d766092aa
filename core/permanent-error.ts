/**
 * An error that no retry changes: retries stop at once, and somebody has to look. A domain defines its own in its
 * `rules/errors.ts` and nowhere else; workflows find them there by name.
 */
export abstract class PermanentError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    // A failure's type in Temporal is its error's name; a workflow sees nothing else of the class.
    this.name = new.target.name;
  }
}
