import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newId } from '../../../core/ids';
import { newSecret, parseSecret, sign, TIMESTAMP_TOLERANCE_SECONDS, verifySignature } from './signature';

const secretText = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`);
const messageId = fc.constant(0).map(() => newId('msg'));
const text = fc.string({ unit: 'binary', maxLength: 200 });
const nowSeconds = () => Math.floor(Date.now() / 1000);

function keysOf(...secrets: string[]): Buffer[] {
  return secrets.map((secret) => {
    const key = parseSecret(secret);
    if (key === undefined) throw new Error(`not a secret: ${secret}`);
    return key;
  });
}

interface Received {
  id: string;
  timestamp: number;
  signature: string;
  body: string;
}

function received(secret: string, { id, timestamp, signature, body }: Received, nowMs = timestamp * 1000) {
  return verifySignature({ secret, headers: { id, timestamp: String(timestamp), signature }, body, nowMs });
}

describe('secrets', () => {
  test('a new secret is whsec_ and 32 random bytes', () => {
    const made = Array.from({ length: 50 }, newSecret);
    expect(new Set(made).size).toBe(made.length);
    for (const secret of made) expect(parseSecret(secret)).toHaveLength(32);
  });

  test('24 to 64 bytes in base64 are a secret, with or without padding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, padded) => {
        const encoded = Buffer.from(bytes).toString('base64');
        const key = parseSecret(`whsec_${padded ? encoded : encoded.replace(/=+$/, '')}`);
        if (bytes.length >= 24 && bytes.length <= 64) expect(key?.equals(bytes)).toBe(true);
        else expect(key).toBeUndefined();
      }),
    );
  });

  test.each([
    ['no prefix', 'A'.repeat(44)],
    ['another prefix', `whpk_${'A'.repeat(44)}`],
    ['base64url', `whsec_${'-_'.repeat(22)}`],
    ['white space', `whsec_${'A'.repeat(40)}\n${'A'.repeat(4)}`],
    ['bits that no byte has', `whsec_${'A'.repeat(42)}B=`],
    ['nothing', ''],
  ])('%s is refused', (_what, secret) => {
    expect(parseSecret(secret)).toBeUndefined();
  });
});

describe('signing', () => {
  test('the header is what an independent implementation makes', () => {
    fc.assert(
      fc.property(secretText, messageId, text, (secret, id, body) => {
        const timestamp = nowSeconds();
        const signature = sign(keysOf(secret), id, timestamp, body);
        expect(signature).toBe(new Webhook(secret).sign(id, new Date(timestamp * 1000), body));
      }),
    );
  });

  test('an independent verifier accepts it with the old and with the new secret while one rotates, and with no other', () => {
    fc.assert(
      fc.property(secretText, secretText, secretText, messageId, text, (current, old, stranger, id, data) => {
        const timestamp = nowSeconds();
        const body = JSON.stringify({ data });
        const signature = sign(keysOf(current, old), id, timestamp, body);
        expect(signature.split(' ')).toHaveLength(2);
        const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
        for (const secret of [current, old]) {
          expect(new Webhook(secret).verify(body, headers)).toEqual({ data });
          expect(received(secret, { id, timestamp, signature, body })).toEqual({ ok: true });
        }
        fc.pre(stranger !== current && stranger !== old);
        expect(() => new Webhook(stranger).verify(body, headers)).toThrow();
        expect(received(stranger, { id, timestamp, signature, body })).toEqual({
          ok: false,
          reason: 'wrong-signature',
        });
      }),
    );
  });
});

describe('verifying', () => {
  const secret = newSecret();

  test('accepts what an independent implementation signed', () => {
    fc.assert(
      fc.property(secretText, messageId, text, (theirs, id, body) => {
        const timestamp = nowSeconds();
        const signature = new Webhook(theirs).sign(id, new Date(timestamp * 1000), body);
        expect(received(theirs, { id, timestamp, signature, body })).toEqual({ ok: true });
      }),
    );
  });

  test('refuses a change of any byte of the body, the id or the timestamp', () => {
    const asciiText = fc.string({ minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(messageId, asciiText, fc.nat(), fc.integer({ min: 1, max: 127 }), (id, body, position, flip) => {
        const timestamp = nowSeconds();
        const signature = sign(keysOf(secret), id, timestamp, body);
        const flipped = (original: string) => {
          const bytes = Buffer.from(original);
          const at = position % bytes.length;
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          return bytes.toString();
        };
        expect(received(secret, { id, timestamp, signature, body: flipped(body) }).ok).toBe(false);
        expect(received(secret, { id: flipped(id), timestamp, signature, body }).ok).toBe(false);
        const headers = { id, timestamp: flipped(String(timestamp)), signature };
        expect(verifySignature({ secret, headers, body, nowMs: timestamp * 1000 }).ok).toBe(false);
      }),
    );
  });

  test('refuses a change of any bit of the signature', () => {
    const timestamp = nowSeconds();
    const digest = Buffer.from(sign(keysOf(secret), 'msg_1', timestamp, '{}').slice(3), 'base64');
    for (let bit = 0; bit < digest.length * 8; bit++) {
      const altered = Buffer.from(digest);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const signature = `v1,${altered.toString('base64')}`;
      expect(received(secret, { id: 'msg_1', timestamp, signature, body: '{}' })).toEqual({
        ok: false,
        reason: 'wrong-signature',
      });
    }
  });

  test('refuses moving a dot between id, timestamp and body', () => {
    const timestamp = nowSeconds();
    const signature = sign(keysOf(secret), `msg_1.${timestamp}`, timestamp, '{}');
    expect(received(secret, { id: 'msg_1', timestamp, signature, body: `${timestamp}.{}` }).ok).toBe(true);
    expect(received(secret, { id: 'msg_1', timestamp, signature, body: '{}' }).ok).toBe(false);
  });

  test('accepts a clock that is five minutes off either way, and no more', () => {
    const timestamp = nowSeconds();
    const signature = sign(keysOf(secret), 'msg_1', timestamp, '{}');
    fc.assert(
      fc.property(fc.integer({ min: -900_000, max: 900_000 }), (offMs) => {
        const answer = received(secret, { id: 'msg_1', timestamp, signature, body: '{}' }, timestamp * 1000 + offMs);
        const inTime = Math.abs(offMs) <= TIMESTAMP_TOLERANCE_SECONDS * 1000;
        expect(answer).toEqual(inTime ? { ok: true } : { ok: false, reason: 'stale' });
      }),
    );
  });

  test.each(['', 'v1,', 'v1', 'v1a,', 'v2,', 'v1,AAAA', ' '])('refuses the signature %j', (signature) => {
    expect(received(secret, { id: 'msg_1', timestamp: nowSeconds(), signature, body: '{}' })).toEqual({
      ok: false,
      reason: 'wrong-signature',
    });
  });

  test('looks past signatures of other versions and of other secrets', () => {
    const timestamp = nowSeconds();
    const right = sign(keysOf(secret), 'msg_1', timestamp, '{}');
    const other = sign(keysOf(newSecret()), 'msg_1', timestamp, '{}');
    const signature = `v1a,AAAA ${other} ${right}`;
    expect(received(secret, { id: 'msg_1', timestamp, signature, body: '{}' })).toEqual({ ok: true });
    const renamed = right.replace('v1,', 'v2,');
    expect(received(secret, { id: 'msg_1', timestamp, signature: renamed, body: '{}' })).toEqual({
      ok: false,
      reason: 'wrong-signature',
    });
  });

  test.each(['', 'now', '-1', '1.5', '1e9', ' 1700000000', '99999999999999'])(
    'calls the timestamp %j malformed',
    (timestamp) => {
      const headers = { id: 'msg_1', timestamp, signature: 'v1,AAAA' };
      expect(verifySignature({ secret, headers, body: '{}' })).toEqual({ ok: false, reason: 'malformed' });
    },
  );
});
