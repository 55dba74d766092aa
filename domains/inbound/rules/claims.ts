import { type HmacSigning, headerOf, type RequestHeaders, type Scheme, type Verifiable } from './schemes';
import { piecesOf } from './template';

/** What a request claims: signatures, and what they should cover. Nothing of it is proven yet. */
export interface Claims {
  /** Signed before and after the body. */
  before: string;
  after: string;
  /** Each 32 bytes; those of another form are left out. */
  signatures: Buffer[];
  /** When it was signed, in milliseconds since the epoch; `undefined` where the scheme does not say. */
  signedAtMs: number | undefined;
}

const SECONDS = /^\d{1,11}$/;
/** Up to 5138 seconds have at most eleven digits, and milliseconds since 1973 have more. */
const MILLISECONDS = /^\d{12,14}$/;
/** An id or a time with other characters was made by nobody who signs. */
const VISIBLE = /^[\x21-\x7e]{1,500}$/;
const HEX = /^[0-9a-fA-F]{64}$/;

/**
 * Reads what a scheme's headers claim.
 *
 * @returns `undefined` when a header is missing or malformed
 */
export function claimsOf(source: Verifiable, headers: RequestHeaders): Claims | undefined {
  switch (source.scheme) {
    case 'standard-webhooks':
      return standardClaims(headers);
    case 'stripe':
      return stripeClaims(headerOf(headers, 'stripe-signature'));
    case 'github':
      return bodyClaims('hmac-hex', headerOf(headers, 'x-hub-signature-256'), 'sha256=');
    case 'shopify':
      return bodyClaims('hmac-base64', headerOf(headers, 'x-shopify-hmac-sha256'), '');
    case 'hmac-hex':
    case 'hmac-base64':
      return source.signing === undefined ? undefined : genericClaims(source, source.signing, headers);
  }
}

/** Those who sign so since before the standard call the same headers `svix-…`. */
function standardClaims(headers: RequestHeaders): Claims | undefined {
  const family = headerOf(headers, 'webhook-id') === '' ? 'svix' : 'webhook';
  const id = headerOf(headers, `${family}-id`);
  const timestamp = headerOf(headers, `${family}-timestamp`);
  if (!VISIBLE.test(id) || !SECONDS.test(timestamp)) return undefined;
  const signatures = headerOf(headers, `${family}-signature`)
    .split(' ')
    .flatMap((part) => (part.startsWith('v1,') ? decoded('hmac-base64', part.slice(3)) : []));
  return { before: `${id}.${timestamp}.`, after: '', signatures, signedAtMs: Number(timestamp) * 1_000 };
}

/** `t=1700000000,v1=hex,v1=hex,v0=hex`: any `v1` counts. */
function stripeClaims(header: string): Claims | undefined {
  const parts = header.split(',').map((part) => part.trim());
  const [timestamp, another] = parts.flatMap((part) => (part.startsWith('t=') ? [part.slice(2)] : []));
  if (timestamp === undefined || another !== undefined || !SECONDS.test(timestamp)) return undefined;
  const signatures = parts.flatMap((part) => (part.startsWith('v1=') ? decoded('hmac-hex', part.slice(3)) : []));
  return { before: `${timestamp}.`, after: '', signatures, signedAtMs: Number(timestamp) * 1_000 };
}

function bodyClaims(encoding: Scheme, header: string, prefix: string): Claims | undefined {
  const signatures = signaturesIn(encoding, header, prefix);
  return { before: '', after: '', signatures, signedAtMs: undefined };
}

function genericClaims(source: Verifiable, signing: HmacSigning, headers: RequestHeaders): Claims | undefined {
  const timestamp = signing.timestampHeader === undefined ? undefined : headerOf(headers, signing.timestampHeader);
  const signedAtMs = timestamp === undefined ? undefined : millisecondsOf(timestamp);
  if (timestamp !== undefined && signedAtMs === undefined) return undefined;
  const id = source.eventId.from === 'header' ? headerOf(headers, source.eventId.header) : '';
  const sides = { before: '', after: '' };
  let side: 'before' | 'after' = 'before';
  for (const piece of piecesOf(signing.template)) {
    if ('text' in piece) sides[side] += piece.text;
    else if (piece.name === 'body') side = 'after';
    else if (piece.name === 'timestamp') sides[side] += timestamp ?? '';
    else if (VISIBLE.test(id)) sides[side] += id;
    else return undefined;
  }
  return {
    ...sides,
    signatures: signaturesIn(source.scheme, headerOf(headers, signing.header), signing.prefix),
    signedAtMs,
  };
}

function millisecondsOf(text: string): number | undefined {
  if (SECONDS.test(text)) return Number(text) * 1_000;
  return MILLISECONDS.test(text) ? Number(text) : undefined;
}

/** A header may hold several while the sender rotates its secret; neither encoding has commas or spaces. */
function signaturesIn(encoding: Scheme, header: string, prefix: string): Buffer[] {
  return header
    .split(/[\s,]+/)
    .flatMap((part) => (part.startsWith(prefix) ? decoded(encoding, part.slice(prefix.length)) : []));
}

function decoded(encoding: Scheme, text: string): Buffer[] {
  if (encoding === 'hmac-hex') return HEX.test(text) ? [Buffer.from(text, 'hex')] : [];
  const bytes = Buffer.from(text, 'base64');
  const canonical = bytes.toString('base64');
  const same = canonical === text || canonical.replace(/=+$/, '') === text;
  return same && bytes.length === 32 ? [bytes] : [];
}
