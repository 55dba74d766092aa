import { type HtmlPlace, htmlPlaces } from './html-places';

/** What a place of a template is filled for. */
export type Context =
  /** As it is. */
  | 'text'
  /** One line: a subject or title, which may become a header. */
  | 'line'
  /** Text or a quoted attribute of HTML. */
  | 'html'
  /** An `http:` or `https:` URL. */
  | 'url';

/** Data to fill a template with: values by name, objects within objects by names with dots between them. */
export type TemplateData = Readonly<Record<string, unknown>>;

/** What is wrong with a filled template: the name of a place, and why. */
export interface FillFault {
  name: string;
  fault: string;
}

const PLACE = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*\}\}/g;

/** The names of a template's places, each once. */
export function placesOf(template: string): string[] {
  return [...new Set([...template.matchAll(PLACE)].map(([, name = '']) => name))];
}

/** What is wrong with a template, for whoever wrote it; `undefined` if nothing is. */
export function templateFault(template: string, context: Context): string | undefined {
  const rest = template.replace(PLACE, '');
  if (rest.includes('{{') || rest.includes('}}'))
    return 'has braces that are no place: write {{name}} or {{order.number}}';
  if (context === 'line' && BREAKS.test(template)) return 'must be one line';
  if (context === 'html') {
    const unsafe = htmlPlaces(template).find(({ where }) => where === 'unsafe');
    if (unsafe !== undefined)
      return `cannot have ${unsafe.text} there: only in text and in quoted attributes that are no code`;
  }
  return undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not get into a header.
const BREAKS = /[\u0000-\u001f\u007f\u0085\u2028\u2029]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, as many as there are.
const ALL_BREAKS = /[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g;

/**
 * Fills the places of a template. Values are made safe for where they stand: HTML is escaped, and a line stays one.
 *
 * @param faults - gets what is missing or cannot stand where it is asked for
 */
export function fill(template: string, data: TemplateData, context: Context, faults: FillFault[]): string {
  if (context === 'html') return fillHtml(template, data, faults);
  const filled = template.replace(PLACE, (_place, name: string) => {
    const value = valueAt(data, name, faults);
    return context === 'text' ? value : value.replace(ALL_BREAKS, ' ');
  });
  if (context === 'url' && !isWebUrl(filled)) {
    faults.push({ name: placesOf(template)[0] ?? '', fault: 'does not make an http:// or https:// URL' });
  }
  return context === 'line' ? filled.replace(ALL_BREAKS, ' ') : filled;
}

function fillHtml(template: string, data: TemplateData, faults: FillFault[]): string {
  let out = '';
  let at = 0;
  for (const place of htmlPlaces(template)) {
    out += template.slice(at, place.at) + htmlValue(place, data, faults);
    at = place.at + place.text.length;
  }
  return out + template.slice(at);
}

function htmlValue({ name, where, before }: HtmlPlace, data: TemplateData, faults: FillFault[]): string {
  const value = valueAt(data, name, faults);
  if (where === 'url' && !isSafeLink(before + value)) {
    faults.push({ name, fault: 'does not make a link to http:, https:, mailto: or tel:' });
  }
  return value.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function valueAt(data: TemplateData, name: string, faults: FillFault[]): string {
  let value: unknown = data;
  for (const part of name.split('.')) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    value = isObject && Object.hasOwn(value as object, part) ? (value as TemplateData)[part] : undefined;
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const known = faults.some((fault) => fault.name === name);
  if (!known) {
    const missing = value === undefined || value === null;
    faults.push({ name, fault: missing ? 'is missing' : 'must be a text, a number, true or false' });
  }
  return '';
}

function isWebUrl(text: string): boolean {
  return /^https?:\/\/[^\s]+$/i.test(text) && URL.canParse(text);
}

/** Browsers leave white space and control characters out of a scheme. A link without one is relative. */
function isSafeLink(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those that browsers leave out.
  const plain = text.replace(/[\u0000-\u0020]+/g, '');
  const scheme = /^([^/?#:]*):/.exec(plain)?.[1];
  return scheme === undefined || /^(?:https?|mailto|tel)$/i.test(scheme);
}
