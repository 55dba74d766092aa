import { grouped } from '../../../core/grouped';
import { entriesOf } from '../../../core/json/entries';
import { JsonTextError } from '../../../core/json/scan';
import { notJson } from '../../http/json-body';
import { invalidField, Problem } from '../../http/problems';

/** Media type of a batch with a message a line. */
export const NDJSON = 'application/x-ndjson';

export const MAX_BATCH = 1_000;

const BLANK = /^[ \t\r]*$/;

/**
 * The text of each message of a batch, as it was sent.
 *
 * @param type - the body's `Content-Type`: lines for {@link NDJSON}, else an array
 * @throws Problem for what is no array, for no messages, and for too many
 */
export function messageTexts(text: string, type: string | undefined): string[] {
  try {
    return textsOf(text, type);
  } catch (error) {
    throw error instanceof Problem ? nothingPublished(error) : error;
  }
}

/** Whoever sends many messages has to know what has become of them. */
function nothingPublished({ code, message, options }: Problem): Problem {
  return new Problem(code, { ...options, detail: `${message} No message was published.` });
}

function textsOf(text: string, type: string | undefined): string[] {
  const { entries, count } = isLines(type) ? linesOf(text) : arrayOf(text);
  if (count === 0) throw invalidField('body', '#', 'must have at least one message');
  if (count > MAX_BATCH) {
    throw invalidField('body', '#', `must have at most ${grouped(MAX_BATCH)} messages; this one has ${grouped(count)}`);
  }
  return entries;
}

function isLines(type: string | undefined): boolean {
  return type?.split(';', 1)[0]?.trim().toLowerCase() === NDJSON;
}

/** Lines without text, such as the last one, are no messages. */
function linesOf(text: string) {
  const entries: string[] = [];
  let count = 0;
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const to = end === -1 ? text.length : end;
    const line = text.slice(from, to);
    from = to + 1;
    if (BLANK.test(line)) continue;
    count++;
    if (count <= MAX_BATCH) entries.push(line);
  }
  return { entries, count };
}

function arrayOf(text: string) {
  try {
    const array = entriesOf(text, MAX_BATCH);
    if (array !== undefined) return array;
  } catch (error) {
    throw error instanceof JsonTextError ? notJson(error, text) : error;
  }
  throw invalidField('body', '#', `expected an array of messages, or one message a line as ${NDJSON}`);
}
