const PIECE_LENGTH = 65_536;

/** Joins small pieces of a text into larger ones, and makes the first of these at once. */
export async function begun(pieces: AsyncGenerator<string>): Promise<AsyncIterable<string>> {
  const larger = gathered(pieces);
  const first = await larger.next();
  return resumed(first, larger);
}

async function* resumed(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

async function* gathered(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (text.length >= PIECE_LENGTH) {
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}
