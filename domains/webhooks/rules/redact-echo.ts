import type { Hidden } from './echo-forms';
import { type Traced, unescapeTraced } from './unescape';

/** Stands where something was hidden. */
export const REDACTED = '[redacted]';

/** Of JSON within JSON within a URL: receivers rarely go further. */
const MOST_LAYERS = 3;
/** A cut-off beginning that is shorter than this tells nothing. */
const SHORTEST_BEGINNING = 6;
/** An escape of which only the beginning is there. */
const CUT_ESCAPE = /(?:%[0-9a-f]?|\\+(?:u[0-9a-f]{0,3}|x[0-9a-f]?)?|&#?\w{0,5})$/i;
/** Between a header's name and its value, as logs, JSON and dumps of maps write them. */
const BETWEEN = /^['"\]]{0,2}\s{0,4}(?:[:=,]|=>)?\s{0,4}['"[(]{0,2}$/;
const MOST_BETWEEN = 14;

export interface Echo {
  hidden: Hidden;
  /** More to hide, such as a message's signatures; asked only for a text that could hold one. */
  more?: () => readonly string[];
  /** Whether the text was cut off, so that a secret may have been cut at its end. */
  cut?: boolean;
}

/**
 * A receiver's text without what it repeats of a request's secrets: as they are, in any case, in base64 or hex, and with the
 * escapes of URLs, JSON and HTML.
 */
export function redactEcho(text: string, { hidden, more, cut = false }: Echo): string {
  if (text.length < (hidden.named.length > 0 ? 3 : SHORTEST_BEGINNING)) return text;
  const forms = more === undefined ? hidden.forms : [...more(), ...hidden.forms];
  const spans: Span[] = [];
  let layer: Traced | undefined = { text: lowered(cut ? text.replace(CUT_ESCAPE, '') : text), at: undefined };
  let wanted = forms;
  for (let layers = 0; layer !== undefined && layers <= MOST_LAYERS; layers++) {
    for (const form of wanted) find(layer, form, spans);
    for (const named of hidden.named) findNamed(layer, named, spans);
    if (cut) for (const form of wanted) findBeginning(layer, form, spans);
    const deeper: Traced | undefined = unescapeTraced(layer);
    // A letter may come out of an escape in upper case.
    layer = deeper && { ...deeper, text: lowered(deeper.text) };
    // What is hidden may itself hold what looks like an escape, which was undone with the others.
    if (layer !== undefined) wanted = [...new Set(wanted.flatMap((form) => [form, undone(form)]))];
  }
  return spans.length === 0 ? text : without(text, spans);
}

type Span = [from: number, to: number];

function find({ text, at }: Traced, form: string, spans: Span[]): void {
  for (let from = text.indexOf(form); from >= 0; from = text.indexOf(form, from + form.length)) {
    spans.push(span(at, from, from + form.length));
  }
}

/** A short value where its header's name stands right before it. */
function findNamed({ text, at }: Traced, { name, value }: { name: string; value: string }, spans: Span[]): void {
  for (let from = text.indexOf(name); from >= 0; from = text.indexOf(name, from + name.length)) {
    const after = from + name.length;
    const near = text.slice(after, after + MOST_BETWEEN + value.length);
    const begin = near.indexOf(value);
    if (begin > 0 && BETWEEN.test(near.slice(0, begin))) {
      spans.push(span(at, after + begin, after + begin + value.length));
    }
  }
}

/** The beginning of something hidden, at the end of the text. */
function findBeginning({ text, at }: Traced, form: string, spans: Span[]): void {
  const beginning = form.slice(0, SHORTEST_BEGINNING);
  let from = text.indexOf(beginning, Math.max(0, text.length - form.length));
  for (; from >= 0; from = text.indexOf(beginning, from + 1)) {
    if (form.startsWith(text.slice(from))) spans.push(span(at, from, text.length));
  }
}

function span(at: Traced['at'], from: number, to: number): Span {
  return at === undefined ? [from, to] : [at[from] ?? 0, at[to] ?? 0];
}

function without(text: string, spans: Span[]): string {
  let result = '';
  let end = 0;
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
    if (from >= end) result += text.slice(end, from) + REDACTED;
    end = Math.max(end, to);
  }
  return result + text.slice(end);
}

function undone(form: string): string {
  const plain = unescapeTraced({ text: form, at: undefined });
  return plain === undefined ? form : lowered(plain.text);
}

/** In lower case; of the same length, unlike `toLowerCase`, which makes two characters of some. */
function lowered(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
