import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import {
  DEFAULT_EVENT_ID,
  type HmacSigning,
  type RequestHeaders,
  SCHEMES,
  type Scheme,
  type Verifiable,
} from './schemes';
import { keyOf } from './secret-keys';
import { verifyInbound } from './verify';

/** Those that sign the whole body with HMAC; of the others `verify-providers.test.ts` tells. */
const BY_SECRETS = SCHEMES.filter((scheme) => !['sns', 'sendgrid', 'mailgun', 'basic-auth'].includes(scheme));
const TOLERANCE_MS = 300_000;
const GENERIC: HmacSigning = {
  header: 'x-signature',
  prefix: 'v0=',
  timestampHeader: 'x-request-timestamp',
  template: 'v0:{timestamp}:{body}',
};

function sourceOf(scheme: Scheme, signing?: HmacSigning): Verifiable {
  return { scheme, signing, topicArns: [], eventId: DEFAULT_EVENT_ID[scheme], toleranceMs: TOLERANCE_MS };
}

const source = (scheme: Scheme) => sourceOf(scheme, scheme.startsWith('hmac-') ? GENERIC : undefined);

function mac(encoding: 'hex' | 'base64', secret: string | Buffer, content: string | Buffer): string {
  return createHmac('sha256', secret).update(content).digest(encoding);
}

/** Signs as a sender does; written apart from what verifies. */
function signed(scheme: Scheme, secrets: readonly string[], body: Buffer, seconds: number): Record<string, string> {
  const t = String(seconds);
  const withTime = (before: string) => Buffer.concat([Buffer.from(before), body]);
  const all = (one: (secret: string) => string, joint: string) => secrets.map(one).join(joint);
  switch (scheme) {
    case 'standard-webhooks': {
      const key = (secret: string) => Buffer.from(secret.slice(6), 'base64');
      const sign = (secret: string) => `v1,${mac('base64', key(secret), withTime(`msg_1.${t}.`))}`;
      return { 'webhook-id': 'msg_1', 'webhook-timestamp': t, 'webhook-signature': all(sign, ' ') };
    }
    case 'stripe':
      return {
        'stripe-signature': `t=${t},${all((secret) => `v1=${mac('hex', secret, withTime(`${t}.`))}`, ',')},v0=00`,
      };
    case 'github':
      return { 'x-hub-signature-256': all((secret) => `sha256=${mac('hex', secret, body)}`, ' ') };
    case 'shopify':
      return { 'x-shopify-hmac-sha256': all((secret) => mac('base64', secret, body), ' ') };
    case 'hmac-hex':
    case 'hmac-base64': {
      const encoding = scheme === 'hmac-hex' ? 'hex' : 'base64';
      const sign = (secret: string) => `v0=${mac(encoding, secret, withTime(`v0:${t}:`))}`;
      return { 'x-signature': all(sign, ', '), 'x-request-timestamp': t };
    }
    case 'sns':
    case 'sendgrid':
    case 'mailgun':
    case 'basic-auth':
      throw new Error(`${scheme} does not sign the body with secrets`);
  }
}

const timed = (scheme: Scheme) => scheme !== 'github' && scheme !== 'shopify';

function secretOf(scheme: Scheme, seed: string): string {
  const bytes = Buffer.from(seed.padEnd(32, '-')).toString('base64');
  return scheme === 'standard-webhooks' ? `whsec_${bytes}` : `shhh ${seed}`;
}

function keysOf(scheme: Scheme, secrets: readonly string[]): Buffer[] {
  return secrets.map((secret) => {
    const key = keyOf(scheme, secret);
    if (key === undefined) throw new Error('not a secret');
    return key;
  });
}

const NOW = 1_790_000_000;
/** Padding and separators say nothing. */
const told = (header: string) => header.replace(/[=,\s]/g, '');
const bodies = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const names = fc.uniqueArray(fc.string({ unit: fc.constantFrom(...'abc123') }), { minLength: 1, maxLength: 4 });
const verify = (scheme: Scheme, keys: Buffer[], headers: RequestHeaders, body: Buffer, nowMs = NOW * 1_000) =>
  verifyInbound(source(scheme), keys, { headers, body }, nowMs);

describe.each(BY_SECRETS)('%s', (scheme) => {
  const accepted = expect.objectContaining({ ok: true });

  test('what any of several secrets signed is accepted, whichever others signed it too', () => {
    fc.assert(
      fc.property(bodies, names, names, fc.nat(), (body, held, others, pick) => {
        const shared = held[pick % held.length] ?? '';
        const secrets = [...others.filter((name) => name !== shared), shared].map((name) => secretOf(scheme, name));
        const keys = keysOf(
          scheme,
          held.map((name) => secretOf(scheme, name)),
        );
        expect(verify(scheme, keys, signed(scheme, secrets, body, NOW), body)).toEqual(accepted);
      }),
    );
  });

  test('what none of them signed is refused', () => {
    fc.assert(
      fc.property(bodies, names, (body, held) => {
        const keys = keysOf(
          scheme,
          held.map((name) => secretOf(scheme, name)),
        );
        const headers = signed(scheme, [secretOf(scheme, `not-${held[0]}`)], body, NOW);
        expect(verify(scheme, keys, headers, body)).toEqual({ ok: false, fault: 'wrong-signature' });
        expect(verify(scheme, [], headers, body).ok).toBe(false);
      }),
    );
  });

  test('one bit of the body changed is refused', () => {
    fc.assert(
      fc.property(
        bodies.filter(({ length }) => length > 0),
        fc.nat(),
        fc.nat(7),
        (body, at, bit) => {
          const secret = secretOf(scheme, 'a');
          const headers = signed(scheme, [secret], body, NOW);
          const changed = Buffer.from(body);
          const index = at % body.length;
          changed[index] = (changed[index] ?? 0) ^ (1 << bit);
          expect(verify(scheme, keysOf(scheme, [secret]), headers, changed)).toEqual({
            ok: false,
            fault: 'wrong-signature',
          });
        },
      ),
    );
  });

  test('one character of any signing header changed is refused', () => {
    const characters = fc.constantFrom(...'0123456789abcdefxyzXYZ+/=,. -');
    fc.assert(
      fc.property(bodies, fc.nat(), fc.nat(), characters, (body, which, at, character) => {
        const secret = secretOf(scheme, 'a');
        const headers = signed(scheme, [secret], body, NOW);
        const name = Object.keys(headers)[which % Object.keys(headers).length] ?? '';
        const value = headers[name] ?? '';
        const index = at % value.length;
        const changed = value.slice(0, index) + character + value.slice(index + 1);
        // Only `v1` of these is looked at.
        fc.pre(told(changed) !== told(value) && !(scheme === 'stripe' && index >= value.indexOf(',v0')));
        expect(verify(scheme, keysOf(scheme, [secret]), { ...headers, [name]: changed }, body).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test('the order of headers, and other headers, change nothing; a missing one is refused', () => {
    const extra = fc.dictionary(fc.constantFrom('accept', 'x-other', 'user-agent', '__proto__'), fc.string());
    fc.assert(
      fc.property(bodies, extra, fc.nat(), (body, others, seed) => {
        const secret = secretOf(scheme, 'a');
        const headers = signed(scheme, [secret], body, NOW);
        const entries = [...Object.entries(headers), ...Object.entries(others)];
        const turned = [...entries.slice(seed % entries.length), ...entries.slice(0, seed % entries.length)].reverse();
        const keys = keysOf(scheme, [secret]);
        expect(verify(scheme, keys, Object.fromEntries(turned), body)).toEqual(accepted);
        const names = Object.keys(headers);
        const missing = names[seed % names.length];
        const rest = Object.fromEntries(turned.filter(([name]) => name !== missing));
        expect(verify(scheme, keys, rest, body).ok).toBe(false);
      }),
    );
  });

  test(
    timed(scheme) ? 'it is accepted within the tolerance of its time, either way, and no further' : 'it has no time',
    () => {
      fc.assert(
        fc.property(bodies, fc.integer({ min: -2 * TOLERANCE_MS, max: 2 * TOLERANCE_MS }), (body, skewMs) => {
          const secret = secretOf(scheme, 'a');
          const headers = signed(scheme, [secret], body, NOW);
          const verdict = verify(scheme, keysOf(scheme, [secret]), headers, body, NOW * 1_000 + skewMs);
          const young = !timed(scheme) || Math.abs(skewMs) <= TOLERANCE_MS;
          expect(verdict).toEqual(young ? accepted : { ok: false, fault: 'stale' });
        }),
        {
          examples: [
            [Buffer.from('x'), TOLERANCE_MS],
            [Buffer.from('x'), -TOLERANCE_MS],
            [Buffer.from('x'), TOLERANCE_MS + 1],
          ],
        },
      );
    },
  );

  test('headers of any content are answered, never thrown at', () => {
    const names = Object.keys(signed(scheme, [secretOf(scheme, 'a')], Buffer.alloc(0), NOW));
    const value = fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(undefined));
    fc.assert(
      fc.property(fc.tuple(...names.map(() => value)), (values) => {
        const headers = Object.fromEntries(names.map((name, index) => [name, values[index]]));
        expect(verify(scheme, keysOf(scheme, [secretOf(scheme, 'a')]), headers, Buffer.from('x')).ok).toBe(false);
      }),
    );
  });
});

describe('what the senders themselves publish', () => {
  test("GitHub's example", () => {
    const headers = {
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    };
    const keys = keysOf('github', ["It's a Secret to Everybody"]);
    expect(verify('github', keys, headers, Buffer.from('Hello, World!')).ok).toBe(true);
    expect(verify('github', keys, headers, Buffer.from('Hello, World')).ok).toBe(false);
  });

  test("the example of Standard Webhooks' libraries, and their own signer", () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const body = '{"test": 2432232314}';
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const keys = keysOf('standard-webhooks', [secret]);
    expect(verify('standard-webhooks', keys, headers, Buffer.from(body), 1_614_265_330_000).ok).toBe(true);
    const oracle = new Webhook(secret).sign('msg_2', new Date(NOW * 1_000), body);
    const others = { 'svix-id': 'msg_2', 'svix-timestamp': String(NOW), 'svix-signature': `v1a,abc ${oracle}` };
    expect(verify('standard-webhooks', keys, others, Buffer.from(body)).ok).toBe(true);
  });

  test("Slack's example, by the generic scheme", () => {
    const slack = sourceOf('hmac-hex', {
      header: 'x-slack-signature',
      prefix: 'v0=',
      timestampHeader: 'x-slack-request-timestamp',
      template: 'v0:{timestamp}:{body}',
    });
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const headers = {
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
      'x-slack-request-timestamp': '1531420618',
    };
    const keys = keysOf('hmac-hex', ['8f742231b10e8888abcd99yyyzzz85a5']);
    expect(verifyInbound(slack, keys, { headers, body: Buffer.from(body) }, 1_531_420_618_000).ok).toBe(true);
    expect(verifyInbound(slack, keys, { headers, body: Buffer.from(body) }, 1_531_421_618_000)).toMatchObject({
      fault: 'stale',
    });
  });

  test('a time in milliseconds, and an id that is signed', () => {
    const signing = { header: 'x-sig', prefix: '', timestampHeader: 'x-time', template: '{id}|{timestamp}|{body}|end' };
    const generic: Verifiable = { ...sourceOf('hmac-base64', signing), eventId: { from: 'header', header: 'x-id' } };
    const headers = { 'x-id': 'e1', 'x-time': String(NOW * 1_000), 'x-sig': mac('base64', 'k', `e1|${NOW}000|{}|end`) };
    const check = (changed: RequestHeaders) =>
      verifyInbound(
        generic,
        keysOf('hmac-base64', ['k']),
        { headers: { ...headers, ...changed }, body: Buffer.from('{}') },
        NOW * 1_000,
      );
    expect(check({})).toEqual({ ok: true, signedAtMs: NOW * 1_000 });
    expect(check({ 'x-id': 'e2' })).toMatchObject({ fault: 'wrong-signature' });
    expect(check({ 'x-id': '' })).toMatchObject({ fault: 'malformed' });
  });
});
