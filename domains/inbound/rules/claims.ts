import { bytesOf } from './base64';
import { textAt } from './json-pointer';
import type { Proof } from './proofs';
import { type HmacSigning, headerOf, type RequestHeaders, type Scheme, type Verifiable } from './schemes';
import { readSns } from './sns';
import { piecesOf } from './template';

/** What a request claims: signatures, and what they should cover. Nothing of it is proven yet. */
export interface Claims {
  /** How a signature is proven to be right. */
  proof: Proof;
  /** What is signed, in pieces. */
  signed: readonly (string | Buffer)[];
  /** Those of another form than the proof needs are left out. */
  signatures: Buffer[];
  /** When it was signed, in milliseconds since the epoch; `undefined` where the scheme does not say. */
  signedAtMs: number | undefined;
  /** Of `sns`. */
  topicArn?: string;
}

/** A request, of which nothing is believed. */
export interface SignedRequest {
  headers: RequestHeaders;
  /** The body's bytes as they came. */
  body: Buffer;
}

const SECONDS = /^\d{1,11}$/;
/** Up to 5138 seconds have at most eleven digits, and milliseconds since 1973 have more. */
const MILLISECONDS = /^\d{12,14}$/;
/** An id or a time with other characters was made by nobody who signs. */
const VISIBLE = /^[\x21-\x7e]{1,500}$/;
const HEX = /^[0-9a-fA-F]{64}$/;
/** DER of two numbers of 32 bytes has 72 at most. */
const MAX_ECDSA_BYTES = 72;
const BASIC = /^Basic +(\S{1,800})$/i;

/**
 * Reads what a request claims, in headers or where its scheme says.
 *
 * @returns `undefined` when something of it is missing or malformed
 */
export function claimsOf(source: Verifiable, { headers, body }: SignedRequest): Claims | undefined {
  switch (source.scheme) {
    case 'standard-webhooks':
      return standardClaims(headers, body);
    case 'stripe':
      return stripeClaims(headerOf(headers, 'stripe-signature'), body);
    case 'github':
      return bodyClaims(body, signaturesIn('hmac-hex', headerOf(headers, 'x-hub-signature-256'), 'sha256='));
    case 'shopify':
      return bodyClaims(body, signaturesIn('hmac-base64', headerOf(headers, 'x-shopify-hmac-sha256'), ''));
    case 'hmac-hex':
    case 'hmac-base64':
      return source.signing === undefined ? undefined : genericClaims(source, source.signing, { headers, body });
    case 'sns':
      return snsClaims(body);
    case 'sendgrid':
      return sendGridClaims(headers, body);
    case 'mailgun':
      return mailgunClaims(body);
    case 'basic-auth':
      return basicClaims(headerOf(headers, 'authorization'));
  }
}

/** Those who sign so since before the standard call the same headers `svix-…`. */
function standardClaims(headers: RequestHeaders, body: Buffer): Claims | undefined {
  const family = headerOf(headers, 'webhook-id') === '' ? 'svix' : 'webhook';
  const id = headerOf(headers, `${family}-id`);
  const timestamp = headerOf(headers, `${family}-timestamp`);
  if (!VISIBLE.test(id) || !SECONDS.test(timestamp)) return undefined;
  const signatures = headerOf(headers, `${family}-signature`)
    .split(' ')
    .flatMap((part) => (part.startsWith('v1,') ? decoded('hmac-base64', part.slice(3)) : []));
  const signed = [`${id}.${timestamp}.`, body];
  return { proof: 'hmac-sha256', signed, signatures, signedAtMs: Number(timestamp) * 1_000 };
}

/** `t=1700000000,v1=hex,v1=hex,v0=hex`: any `v1` counts. */
function stripeClaims(header: string, body: Buffer): Claims | undefined {
  const parts = header.split(',').map((part) => part.trim());
  const [timestamp, another] = parts.flatMap((part) => (part.startsWith('t=') ? [part.slice(2)] : []));
  if (timestamp === undefined || another !== undefined || !SECONDS.test(timestamp)) return undefined;
  const signatures = parts.flatMap((part) => (part.startsWith('v1=') ? decoded('hmac-hex', part.slice(3)) : []));
  const signed = [`${timestamp}.`, body];
  return { proof: 'hmac-sha256', signed, signatures, signedAtMs: Number(timestamp) * 1_000 };
}

function bodyClaims(body: Buffer, signatures: Buffer[]): Claims {
  return { proof: 'hmac-sha256', signed: [body], signatures, signedAtMs: undefined };
}

function snsClaims(body: Buffer): Claims | undefined {
  const message = readSns(body);
  if (message === undefined) return undefined;
  const { proof, signed, signature, signedAtMs, topicArn } = message;
  return { proof, signed: [signed], signatures: [signature], signedAtMs, topicArn };
}

function sendGridClaims(headers: RequestHeaders, body: Buffer): Claims | undefined {
  const timestamp = headerOf(headers, 'x-twilio-email-event-webhook-timestamp');
  const signature = bytesOf(headerOf(headers, 'x-twilio-email-event-webhook-signature'));
  if (!SECONDS.test(timestamp) || signature === undefined) return undefined;
  const signatures = signature.length <= MAX_ECDSA_BYTES ? [signature] : [];
  return { proof: 'ecdsa-sha256', signed: [timestamp, body], signatures, signedAtMs: Number(timestamp) * 1_000 };
}

/**
 * Time and token are signed with nothing in between, so digits could be moved from one to the other, which makes it
 * another token; but then the time is decades off. Of a subaccount's event there is a signature by the main account too.
 */
function mailgunClaims(body: Buffer): Claims | undefined {
  const [timestamp, token, own, parent] = ['timestamp', 'token', 'signature', 'parent-signature'].map((name) =>
    textAt(body, `/signature/${name}`),
  );
  if (timestamp === undefined || !SECONDS.test(timestamp)) return undefined;
  if (token === undefined || !VISIBLE.test(token)) return undefined;
  const signatures = [own, parent].flatMap((text) => (text === undefined ? [] : decoded('hmac-hex', text)));
  return { proof: 'hmac-sha256', signed: [timestamp, token], signatures, signedAtMs: Number(timestamp) * 1_000 };
}

/** The password goes for a signature: whoever sends it knows it. */
function basicClaims(header: string): Claims | undefined {
  const credentials = bytesOf(BASIC.exec(header)?.[1] ?? '');
  if (credentials === undefined) return undefined;
  return { proof: 'password', signed: [], signatures: [credentials], signedAtMs: undefined };
}

function genericClaims(source: Verifiable, signing: HmacSigning, { headers, body }: SignedRequest): Claims | undefined {
  const timestamp = signing.timestampHeader === undefined ? undefined : headerOf(headers, signing.timestampHeader);
  const signedAtMs = timestamp === undefined ? undefined : millisecondsOf(timestamp);
  if (timestamp !== undefined && signedAtMs === undefined) return undefined;
  const id = source.eventId.from === 'header' ? headerOf(headers, source.eventId.header) : '';
  const signed: (string | Buffer)[] = [];
  for (const piece of piecesOf(signing.template)) {
    if ('text' in piece) signed.push(piece.text);
    else if (piece.name === 'body') signed.push(body);
    else if (piece.name === 'timestamp') signed.push(timestamp ?? '');
    else if (VISIBLE.test(id)) signed.push(id);
    else return undefined;
  }
  return {
    proof: 'hmac-sha256',
    signed,
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
  const bytes = bytesOf(text);
  return bytes?.length === 32 ? [bytes] : [];
}
