/** A text, and where each of its characters begins in the text that it was made from. */
export interface Traced {
  text: string;
  /** The place of each character; undefined when nothing has moved. */
  at: Uint32Array | undefined;
}

const ESCAPE =
  /%([0-9a-f]{2})|\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|\\(["'\\/])|&#x0*([0-9a-f]{1,4});|&#0*([0-9]{1,5});|&(amp|lt|gt|quot|apos);/gi;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Undoes one layer of the escapes of URLs, JSON and HTML.
 *
 * @returns undefined when there are none
 */
export function unescapeTraced({ text, at }: Traced): Traced | undefined {
  let plain = '';
  let end = 0;
  const places = new Uint32Array(text.length + 1);
  const keep = (from: number, to: number) => {
    for (let index = from; index < to; index++) places[plain.length + index - from] = at?.[index] ?? index;
    plain += text.slice(from, to);
  };
  for (const match of text.matchAll(ESCAPE)) {
    keep(end, match.index);
    places[plain.length] = at?.[match.index] ?? match.index;
    plain += meaning(match);
    end = match.index + match[0].length;
  }
  if (end === 0) return undefined;
  keep(end, text.length);
  places[plain.length] = at?.[text.length] ?? text.length;
  return { text: plain, at: places.subarray(0, plain.length + 1) };
}

/** Always one character. */
function meaning([, percent, unicode, hex, itself, htmlHex, decimal, entity]: RegExpExecArray): string {
  if (itself !== undefined) return itself;
  if (entity !== undefined) return ENTITIES[entity.toLowerCase()] ?? ' ';
  const code =
    decimal === undefined ? Number.parseInt(percent ?? unicode ?? hex ?? htmlHex ?? '', 16) : Number(decimal);
  return String.fromCharCode(code & 0xffff);
}
