import fc from 'fast-check';
import { ResponseBody } from './response-body';

/** Cuts bytes into pieces, cycling through the given sizes. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    parts.push(bytes.subarray(from, from + size));
    from += size;
  }
  return parts;
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

describe('ResponseBody', () => {
  it('keeps the longest beginning of whole characters, without NUL, however the body is cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.integer({ min: 0, max: 60 }),
        sizes,
        (text, keep, cut) => {
          const bytes = Buffer.from(text);
          const body = new ResponseBody(keep, 1_000);
          for (const piece of pieces(bytes, cut)) expect(body.push(piece)).toBe(true);
          let expected = '';
          for (const character of text) {
            if (Buffer.byteLength(expected + character) > keep) break;
            expected += character;
          }
          expect(body.text()).toBe(expected.replaceAll('\0', ''));
          expect(body.truncated).toBe(bytes.length > keep);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('makes valid text of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 60 }), sizes, (bytes, keep, cut) => {
        const body = new ResponseBody(keep, 1_000);
        for (const piece of pieces(Buffer.from(bytes), cut)) body.push(piece);
        const text = body.text();
        expect(text).not.toContain('\0');
        expect(Buffer.from(text).toString()).toBe(text);
        expect(text.length).toBeLessThanOrEqual(keep);
      }),
      { numRuns: 1_000 },
    );
  });

  it('says when the limit is passed', () => {
    const body = new ResponseBody(2, 5);
    expect([body.push(Buffer.from('abc')), body.push(Buffer.from('de')), body.push(Buffer.from('f'))]).toEqual([
      true,
      true,
      false,
    ]);
    expect([body.text(), body.truncated]).toEqual(['ab', true]);
  });
});
