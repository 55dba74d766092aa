/** A JSON value that is kept as the text in which it was sent. */
export class RawJson {
  constructor(readonly text: string) {}
}
