import { textAt } from './json-pointer';
import { headerOf, type RequestHeaders } from './schemes';

/** Where the sender says what kind of event it is. */
export type KindFrom = { from: 'header'; header: string } | { from: 'pointer'; pointer: string };

/** What becomes of a source's events. */
export type InboundRoute =
  /** Messages of this type; with `kindFrom` the sender's own kind follows behind a dot: `github.push`. */
  | { to: 'endpoints'; eventType: string; kindFrom: KindFrom | undefined; channels: string[] }
  /** Code of Waybill's own, by its name. */
  | { to: 'handler'; handler: string };

const MAX_TYPE = 128;

/** The event type of a message: `github` and `pull_request` make `github.pull_request`, Shopify's `orders/create` ends in `.orders.create`. */
export function eventTypeOf(
  { eventType, kindFrom }: Extract<InboundRoute, { to: 'endpoints' }>,
  headers: RequestHeaders,
  body: Buffer,
): string {
  if (kindFrom === undefined) return eventType;
  const kind = kindFrom.from === 'header' ? headerOf(headers, kindFrom.header) : textAt(body, kindFrom.pointer);
  const words = (kind ?? '')
    .split(/[./:\s]+/)
    .map((word) => word.replace(/[^A-Za-z0-9_-]/g, '_'))
    .filter((word) => word !== '');
  const whole = [eventType, ...words].join('.');
  return whole.length <= MAX_TYPE ? whole : eventType;
}

const ALWAYS = ['content-type', 'user-agent'];

/** Headers of well-known senders that say something about an event. Signatures and credentials are never kept. */
const TELLING = /^(?:x-github-|x-shopify-|(?:webhook|svix)-(?:id|timestamp)$)/;
const NEVER = /signature|hmac|authorization|cookie|secret|token/;

const MAX_VALUE = 1_000;

/** The headers that are kept with an event. @param more - names that the source reads */
export function keptHeaders(headers: RequestHeaders, more: readonly (string | undefined)[]): Record<string, string> {
  const kept: [string, string][] = [];
  for (const name of Object.keys(headers)) {
    const wanted = ALWAYS.includes(name) || TELLING.test(name) || more.includes(name);
    if (wanted && !NEVER.test(name)) kept.push([name, headerOf(headers, name).slice(0, MAX_VALUE)]);
  }
  return Object.fromEntries(kept);
}
