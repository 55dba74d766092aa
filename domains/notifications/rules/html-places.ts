/** A place `{{name}}` in a template of HTML. */
export interface HtmlPlace {
  name: string;
  /** As it is written. */
  text: string;
  /** Its offset. */
  at: number;
  /** `unsafe`: in a tag, a comment, a script or style, or an attribute that is code or has no quotes. */
  where: 'text' | 'attribute' | 'url' | 'unsafe';
  /** What stands before it in its attribute. */
  before: string;
}

const URL_ATTRIBUTES = /^(?:href|src|action|formaction|cite|background|poster|data|longdesc|usemap|xlink:href)$/;
const CODE_ATTRIBUTES = /^(?:on.*|style|srcdoc|srcset)$/;
const RAW_ELEMENTS = /^(?:script|style|title|textarea|xmp|iframe|noembed|noframes|noscript|plaintext)$/;
const PLACE = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*\}\}/g;
/**
 * A comment, or a tag with its attributes; or the beginning of one that has no end, with all that follows: who knows what
 * others make of it. A place right after a `<` begins a tag as well, which its value may name.
 */
const MARKUP = /<!--[\s\S]*?(?:-->|$)|<\/?[!?/A-Za-z{](?:"[^"]*"|'[^']*'|[^"'>])*>|<\/?[!?/A-Za-z{][\s\S]*$/g;
/** A tag of which everybody has the same idea: attributes with blanks between them, and quotes only around values. */
const PLAIN_TAG = /^<[A-Za-z][^\s/>"'<=]*(?:\s+[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*\s*\/?>$/;
const ATTRIBUTE = /([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** Finds the places of a template, and what kind of place each is. Where it is not sure, it says `unsafe`. */
export function htmlPlaces(template: string): HtmlPlace[] {
  const places: HtmlPlace[] = [];
  let raw: string | undefined;
  let at = 0;
  const text = (end: number) => add(places, template, { from: at, to: end }, raw === undefined ? 'text' : 'unsafe');
  for (const markup of template.matchAll(MARKUP)) {
    const closing = /^<\/([A-Za-z][^\s/>]*)/.exec(markup[0])?.[1]?.toLowerCase();
    // Within a script nothing is markup but its end.
    if (raw !== undefined && closing !== raw) continue;
    text(markup.index);
    at = markup.index + markup[0].length;
    inMarkup(places, markup[0], markup.index);
    const opening = /^<([A-Za-z][^\s/>]*)/.exec(markup[0])?.[1]?.toLowerCase();
    raw = opening !== undefined && RAW_ELEMENTS.test(opening) ? opening : undefined;
  }
  text(template.length);
  return places.sort((a, b) => a.at - b.at);
}

function inMarkup(places: HtmlPlace[], markup: string, offset: number): void {
  const isTag = PLAIN_TAG.test(markup);
  const quoted: [number, number][] = [];
  if (isTag) {
    for (const { 0: whole, 1: name = '', 2: double, 3: single, index } of markup.matchAll(ATTRIBUTE)) {
      const value = double ?? single ?? '';
      const from = index + whole.length - 1 - value.length;
      const lower = name.toLowerCase();
      if (name.includes('{{') || CODE_ATTRIBUTES.test(lower)) continue;
      quoted.push([from, from + value.length]);
      const where = URL_ATTRIBUTES.test(lower) ? 'url' : 'attribute';
      add(places, markup, { from, to: from + value.length, offset }, where);
    }
  }
  const all: HtmlPlace[] = [];
  add(all, markup, { from: 0, to: markup.length, offset }, 'unsafe');
  for (const place of all) {
    const own = place.at - offset;
    if (!quoted.some(([from, to]) => from <= own && own < to)) places.push(place);
  }
}

function add(
  places: HtmlPlace[],
  text: string,
  { from, to, offset = 0 }: { from: number; to: number; offset?: number },
  where: HtmlPlace['where'],
): void {
  const part = text.slice(from, to);
  for (const match of part.matchAll(PLACE)) {
    const before = part.slice(0, match.index);
    places.push({ name: match[1] ?? '', text: match[0], at: offset + from + match.index, where, before });
  }
}
