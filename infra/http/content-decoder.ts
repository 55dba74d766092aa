import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { codeOf } from '../../core/error-code';

/** Names that say nothing of how the bytes are coded, though they stand in `content-encoding`. */
const NO_CODING = new Set(['', 'identity', 'none', 'utf-8', 'utf8']);

/** zlib loses what it has made of a piece in which it finds an error; so the pieces are small. */
const PIECE_BYTES = 1_024;

/** The coding that a `content-encoding` names, in lower case; `''` for none; several stay a list. */
export function codingOf(encoding: string): string {
  if (!encoding.includes(',')) return NO_CODING.has(encoding) ? '' : encoding;
  return encoding
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !NO_CODING.has(name))
    .join(', ');
}

/** How decoding ended: with the whole body, at damage, or where the bytes are cut off. */
export type DecodingEnd = 'whole' | 'damaged' | 'cut off';

/**
 * Decompresses a body. The client never asks for compression, but a receiver may compress anyway.
 *
 * @param coding as {@link codingOf} gives it
 * @param bytes at least one
 * @param onData gets what becomes of it, piece by piece
 * @param onEnd called once, unless it is stopped
 * @returns what stops it; `undefined` for an unknown coding or a chain of several
 */
export function decode(
  coding: string,
  bytes: Buffer,
  onData: (decoded: Buffer) => void,
  onEnd: (end: DecodingEnd) => void,
): (() => void) | undefined {
  const decoder = createDecoder(coding, bytes[0] ?? 0);
  if (decoder === undefined) return undefined;
  decoder.on('data', onData);
  decoder.once('end', () => onEnd('whole'));
  decoder.once('error', (error) => onEnd(codeOf(error) === 'Z_BUF_ERROR' ? 'cut off' : 'damaged'));
  const feed = (from: number) => {
    if (decoder.destroyed) return;
    if (from < bytes.length) decoder.write(bytes.subarray(from, from + PIECE_BYTES), () => feed(from + PIECE_BYTES));
    else decoder.end();
  };
  feed(0);
  return () => decoder.destroy();
}

/** @param firstByte distinguishes the two formats that servers call `deflate` */
function createDecoder(coding: string, firstByte: number): Transform | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return (firstByte & 0x0f) === 0x08 ? createInflate() : createInflateRaw();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}
