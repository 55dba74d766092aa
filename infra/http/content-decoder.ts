import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';

/**
 * The decompressor for a `content-encoding`. The client never asks for compression, but a receiver may compress anyway.
 *
 * @param firstByte of the body: distinguishes the two formats that servers call `deflate`
 * @returns `undefined` for an unknown encoding or a chain of several
 */
export function createDecoder(encoding: string, firstByte: number): Transform | undefined {
  switch (encoding) {
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
