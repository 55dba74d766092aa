/**
 * An error that is the same however often one tries: who retries gives up at once, and somebody has to look. A domain's own
 * stand in its `rules/errors.ts` and nowhere else, where workflows find them by name.
 */
export abstract class PermanentError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    // Temporal calls a failure by its error's name; that is all a workflow sees of the class.
    this.name = new.target.name;
  }
}
