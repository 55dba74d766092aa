import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { createAuthority } from '../../../tests/support/guarded-client-support';
import {
  CERTIFICATE_URL,
  notification,
  type SnsFields,
  signSns,
  snsKeys,
  subscription,
  TOPIC,
} from '../../../tests/support/sns';
import { identify } from './event-id';
import { DEFAULT_EVENT_ID, defaultToleranceMs, type RequestHeaders, type Scheme, type Verifiable } from './schemes';
import { keyOf } from './secret-keys';
import { readSns } from './sns';
import { signingKeyOf } from './sns-certificate';
import { verifyInbound } from './verify';

function sourceOf(scheme: Scheme): Verifiable {
  const topicArns = scheme === 'sns' ? [TOPIC] : [];
  const toleranceMs = defaultToleranceMs(scheme);
  return { scheme, signing: undefined, topicArns, eventId: DEFAULT_EVENT_ID[scheme], toleranceMs };
}

function keyFor(scheme: Scheme, secret: string): Buffer {
  const key = keyOf(scheme, secret);
  if (key === undefined) throw new Error('not a secret');
  return key;
}

const HOUR_MS = 3_600_000;
const WRONG = { ok: false, fault: 'wrong-signature' };
const MALFORMED = { ok: false, fault: 'malformed' };
const STALE = { ok: false, fault: 'stale' };

/** Another text of the same length. */
function altered(text: string, at: number): string {
  const index = at % text.length;
  return text.slice(0, index) + (text[index] === 'x' ? 'y' : 'x') + text.slice(index + 1);
}

describe('sns', () => {
  const { publicKey, privateKey } = snsKeys();
  const authority = createAuthority();
  const key = signingKeyOf(authority.certify(publicKey, 'sns.amazonaws.com'), Date.now())?.key ?? Buffer.alloc(0);
  const bodyOf = (fields: SnsFields) => Buffer.from(JSON.stringify(fields));
  const verify = (body: Buffer, nowMs = Date.now(), source = sourceOf('sns')) =>
    verifyInbound(source, [key], { headers: {}, body }, nowMs);
  const messages = {
    notification: notification('{"a":"ä\\n"}'),
    'notification with a subject': notification('text\nof lines', { Subject: 'About' }),
    'subscription confirmation': subscription(),
    'unsubscribe confirmation': subscription('UnsubscribeConfirmation'),
  };
  const all = Object.entries(messages).flatMap(([name, fields]) =>
    ['1', '2'].map((version): [string, SnsFields] => [
      `${name}, version ${version}`,
      { ...fields, SignatureVersion: version },
    ]),
  );

  test.each(all)('%s: accepted as it is signed, and refused with anything of it altered', (_name, fields) => {
    const signed = signSns(fields, privateKey);
    const { UnsubscribeURL: _, SigningCertURL: __, ...covered } = signed;
    expect(verify(bodyOf(signed))).toEqual({ ok: true, signedAtMs: Date.parse(fields.Timestamp ?? '') });
    const pretty = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(signed).reverse()), null, 2));
    expect(verify(pretty)).toMatchObject({ ok: true });
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(covered)), fc.nat(), (name, at) => {
        expect(verify(bodyOf({ ...signed, [name]: altered(signed[name] ?? '', at) })).ok).toBe(false);
        const { [name]: ___, ...rest } = signed;
        expect(verify(bodyOf(rest)).ok).toBe(false);
      }),
    );
    expect(verifyInbound(sourceOf('sns'), [], { headers: {}, body: bodyOf(signed) }, Date.now())).toEqual(WRONG);
    const others = signSns(fields, snsKeys().privateKey);
    expect(verify(bodyOf(others))).toEqual(WRONG);
  });

  test('a signature by the one hash is none by the other', () => {
    const signed = signSns(notification('a', { SignatureVersion: '1' }), privateKey);
    expect(verify(bodyOf({ ...signed, SignatureVersion: '2' }))).toEqual(WRONG);
  });

  test("a topic of somebody else is refused, though SNS signs for it; so is what is signed for the source's later", () => {
    const other = signSns(notification('a', { TopicArn: TOPIC.replace('123456789012', '666666666666') }), privateKey);
    expect(verify(bodyOf(other))).toEqual({ ok: false, fault: 'wrong-topic' });
    const signed = bodyOf(signSns(notification('a'), privateKey));
    const at = (skewMs: number) => verify(signed, Date.now() + skewMs);
    expect([at(HOUR_MS - 60_000).ok, at(HOUR_MS + 60_000), at(-HOUR_MS - 60_000)]).toEqual([true, STALE, STALE]);
  });

  test.each([
    'http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem',
    'https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-0123.pem',
    'https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-0123.pem',
    'https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-0123.pem',
    'https://evil.example/SimpleNotificationService-0123.pem',
    'https://sns.eu-central-1.amazonaws.com/?Action=GetTopicAttributes&x=.pem',
    'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123.pem?x=.pem',
    'https://sns.eu-central-1.amazonaws.com/a/../SimpleNotificationService-0123.PEM',
    'https://sns.eu-central-1.amazonaws.com/other.pem',
  ])('a certificate at %s is not fetched', (SigningCertURL) => {
    const body = bodyOf(signSns(notification('a', { SigningCertURL }), privateKey));
    expect([readSns(body), verify(body)]).toEqual([undefined, MALFORMED]);
  });

  test.each([
    'http://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=$TOPIC&Token=token-1',
    'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=$TOPIC&Token=token-1',
    'https://evil.example/?Action=ConfirmSubscription&TopicArn=$TOPIC&Token=token-1',
    'https://sns.eu-central-1.amazonaws.com/?Action=DeleteTopic&TopicArn=$TOPIC&Token=token-1',
    'https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=another&Token=token-1',
    'https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=$TOPIC&Token=another',
  ])('%s confirms nothing', (url) => {
    const fields = subscription('SubscriptionConfirmation', { SubscribeURL: url.replace('$TOPIC', TOPIC) });
    expect(readSns(bodyOf(signSns(fields, privateKey)))).toBeUndefined();
  });

  test('only a subscription has something to confirm', () => {
    const read = (fields: SnsFields) => readSns(bodyOf(signSns(fields, privateKey)));
    expect(read(subscription())?.confirmUrl).toMatch(/Action=ConfirmSubscription/);
    expect(read(subscription('UnsubscribeConfirmation'))?.confirmUrl).toBeUndefined();
    expect(read(notification('a'))).toMatchObject({ confirmUrl: undefined, certificateUrl: CERTIFICATE_URL });
  });

  test('in China, hosts have another end', () => {
    const host = 'https://sns.cn-north-1.amazonaws.com.cn';
    const TopicArn = 'arn:aws-cn:sns:cn-north-1:123456789012:bounces';
    const SigningCertURL = `${host}/SimpleNotificationService-0123.pem`;
    const read = (fields: SnsFields) => readSns(bodyOf(signSns(notification('a', fields), privateKey)));
    expect(read({ TopicArn, SigningCertURL })?.certificateUrl).toBe(SigningCertURL);
    expect(read({ TopicArn, SigningCertURL: SigningCertURL.replace('.cn/', '/') })).toBeUndefined();
  });

  test('what can be read in two ways is refused', () => {
    const text = JSON.stringify(signSns(notification('a'), privateKey));
    const twice = Buffer.from(text.replace('{', '{"Message":"b",'));
    const escaped = Buffer.from(text.replace('{', '{"\\u004dessage":"b",'));
    const lines = bodyOf(signSns(notification('a', { MessageId: 'b\nSubject\nc' }), privateKey));
    expect([twice, escaped, lines].map((body) => verify(body))).toEqual([MALFORMED, MALFORMED, MALFORMED]);
    const never = bodyOf(signSns(notification('a', { Timestamp: '2026-99-99T00:00:00.000Z' }), privateKey));
    expect(verify(never)).toEqual(MALFORMED);
  });

  test('no body is thrown at', () => {
    const bodies = fc.oneof(
      fc.json().map((text) => Buffer.from(text)),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(fc.property(bodies, (body) => expect(verify(body)).toEqual(MALFORMED)));
  });

  test('only a certificate of SNS that is valid now has a key', () => {
    const now = Date.now();
    const of = (pem: string, nowMs = now) => signingKeyOf(pem, nowMs)?.key;
    const der = publicKey.export({ type: 'spki', format: 'der' });
    const names = ['sns.amazonaws.com', 'sns-signing.me-south-1.amazonaws.com', 'sns-us-gov-west-1.amazonaws.com'];
    for (const name of names) expect(of(authority.certify(publicKey, name))).toEqual(der);
    for (const name of ['evil.example', 'sns.amazonaws.com.evil.example', 'xsns.amazonaws.com', 'ses.amazonaws.com'])
      expect(of(authority.certify(publicKey, name))).toBeUndefined();
    expect(of(authority.certify(publicKey, 'sns.amazonaws.com', 'expired'))).toBeUndefined();
    const valid = authority.certify(publicKey, 'sns.amazonaws.com');
    expect([of(valid, now + 31 * 24 * HOUR_MS), of(valid, now - 31 * 24 * HOUR_MS)]).toEqual([undefined, undefined]);
    expect(of(authority.certify(snsKeys(1_024).publicKey, 'sns.amazonaws.com'))).toBeUndefined();
    expect(of(authority.issue(['sns.amazonaws.com']).cert)).toBeUndefined();
    expect(of('<html>not found</html>')).toBeUndefined();
  });
});

describe('sendgrid', () => {
  const NAMES = {
    signature: 'x-twilio-email-event-webhook-signature',
    timestamp: 'x-twilio-email-event-webhook-timestamp',
  };
  const NOW = 1_790_000_000;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secret = (key = publicKey) => key.export({ type: 'spki', format: 'der' }).toString('base64');
  const signed = (body: Buffer, seconds = NOW, key = privateKey): Record<string, string> => ({
    [NAMES.timestamp]: String(seconds),
    [NAMES.signature]: sign('sha256', Buffer.concat([Buffer.from(String(seconds)), body]), key).toString('base64'),
  });
  const verify = (headers: RequestHeaders, body: Buffer, secrets = [secret()], nowMs = NOW * 1_000) =>
    verifyInbound(
      sourceOf('sendgrid'),
      secrets.map((text) => keyFor('sendgrid', text)),
      { headers, body },
      nowMs,
    );

  test('accepted as it is signed, by any of the keys, and refused with anything of it altered', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bodies = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(bodies, fc.nat(), fc.nat(7), (body, at, bit) => {
        const headers = signed(body);
        expect(verify(headers, body, [secret(other.publicKey), secret()])).toEqual({
          ok: true,
          signedAtMs: NOW * 1_000,
        });
        const changed = Buffer.from(body);
        changed[at % body.length] = (changed[at % body.length] ?? 0) ^ (1 << bit);
        expect(verify(headers, changed)).toEqual(WRONG);
        expect(verify(headers, body, [secret(other.publicKey)])).toEqual(WRONG);
        expect(verify({ ...headers, [NAMES.timestamp]: String(NOW - 1) }, body)).toEqual(WRONG);
        const signature = altered(headers[NAMES.signature] ?? '', at);
        expect(verify({ ...headers, [NAMES.signature]: signature }, body).ok).toBe(false);
        for (const name of Object.values(NAMES)) expect(verify({ ...headers, [name]: '' }, body)).toEqual(MALFORMED);
      }),
      { numRuns: 50 },
    );
  });

  test('within an hour of its time', () => {
    const body = Buffer.from('[]');
    const at = (seconds: number) => verify(signed(body, NOW), body, undefined, (NOW + seconds) * 1_000);
    expect([at(3_600).ok, at(-3_600).ok, at(3_601), at(-3_601)]).toEqual([true, true, STALE, STALE]);
  });

  test("the examples of SendGrid's own libraries", () => {
    const body = Buffer.from('{"category":"example_payload","event":"test_event","message_id":"message_id"}');
    const headers = {
      [NAMES.timestamp]: '1588788367',
      [NAMES.signature]:
        'MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0=',
    };
    const key =
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==';
    expect(verify(headers, body, [key], 1_588_788_367_000)).toMatchObject({ ok: true });
    const events = Buffer.from(
      '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",' +
        '"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",' +
        '"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",' +
        '"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n',
    );
    const real = {
      [NAMES.timestamp]: '1600112502',
      [NAMES.signature]:
        'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
    };
    const realKey =
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==';
    expect(verify(real, events, [realKey], 1_600_112_502_000)).toMatchObject({ ok: true });
  });

  test('a secret is a public key of this curve', () => {
    const rsa = snsKeys().publicKey;
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
    const secrets = [secret(rsa), secret(p384), 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', ''];
    expect(secrets.map((text) => keyOf('sendgrid', text))).toEqual(secrets.map(() => undefined));
  });
});

describe('mailgun', () => {
  const NOW = 1_790_000_000;
  const TOKEN = 'e0b5477167110d68991efc6b9f89f0a11066af27834600e123';
  const mac = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex');
  const signature = (secret = 'key', timestamp = String(NOW), token = TOKEN) => ({
    timestamp,
    token,
    signature: mac(secret, timestamp + token),
  });
  const bodyOf = (given: object, data: object = { event: 'failed' }) =>
    Buffer.from(JSON.stringify({ signature: given, 'event-data': data }));
  const verify = (body: Buffer, secrets = ['key'], nowMs = NOW * 1_000) =>
    verifyInbound(
      sourceOf('mailgun'),
      secrets.map((text) => keyFor('mailgun', text)),
      { headers: {}, body },
      nowMs,
    );

  test('accepted as it is signed, by any of the keys or by the main account, and refused with anything of it altered', () => {
    const good = signature();
    expect(verify(bodyOf(good), ['other', 'key'])).toEqual({ ok: true, signedAtMs: NOW * 1_000 });
    const sub = { ...signature('subaccount'), 'parent-signature': good.signature };
    expect([verify(bodyOf(sub)).ok, verify(bodyOf(sub), ['other'])]).toEqual([true, WRONG]);
    expect(verify(bodyOf({ ...good, timestamp: NOW }))).toMatchObject({ ok: true });
    fc.assert(
      fc.property(fc.constantFrom('timestamp', 'token', 'signature'), fc.nat(), (name, at) => {
        const text = good[name];
        expect(verify(bodyOf({ ...good, [name]: altered(text, at) })).ok).toBe(false);
        expect(verify(bodyOf({ ...good, [name]: undefined })).ok).toBe(false);
      }),
    );
    expect(verify(bodyOf(good), [])).toEqual(WRONG);
    expect(verify(Buffer.from('signature=x'))).toEqual(MALFORMED);
  });

  test('digits moved from the time to the token, or back, are no other token', () => {
    const good = signature('key', String(NOW), `12${TOKEN.slice(2)}`);
    for (const by of [-2, -1, 1, 2]) {
      const text = good.timestamp + good.token;
      const moved = { timestamp: text.slice(0, 10 + by), token: text.slice(10 + by), signature: good.signature };
      expect(verify(bodyOf(moved)).ok).toBe(false);
    }
  });

  test('within an hour of its time', () => {
    const at = (seconds: number) => verify(bodyOf(signature()), undefined, (NOW + seconds) * 1_000);
    expect([at(3_600).ok, at(3_601), at(-3_601)]).toEqual([true, STALE, STALE]);
  });

  test('a token counts once, with whatever event', () => {
    const keyWith = (data: object, token = TOKEN) =>
      identify(sourceOf('mailgun'), {
        headers: {},
        body: bodyOf(signature('key', String(NOW), token), data),
        signedAtMs: NOW * 1_000,
      }).key;
    expect(keyWith({ event: 'complained' })).toEqual(keyWith({ event: 'failed' }));
    expect(keyWith({ event: 'failed' }, altered(TOKEN, 0))).not.toEqual(keyWith({ event: 'failed' }));
  });
});

describe('basic-auth', () => {
  const verify = (authorization: string | undefined, secrets = ['postmark:p:w']) =>
    verifyInbound(
      sourceOf('basic-auth'),
      secrets.map((text) => keyFor('basic-auth', text)),
      { headers: authorization === undefined ? {} : { authorization }, body: Buffer.from('{}') },
      0,
    );
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  test('accepted with any of the passwords, and no other', () => {
    expect(verify(basic('postmark:p:w'), ['a:b', 'postmark:p:w'])).toEqual({ ok: true, signedAtMs: undefined });
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        fc.pre(text !== 'postmark:p:w');
        expect(verify(basic(text))).toEqual(WRONG);
      }),
    );
    for (const header of [undefined, '', 'Basic', 'Basic !', 'Bearer cG9zdG1hcms6cDp3'])
      expect(verify(header)).toEqual(MALFORMED);
    expect(verify(basic('postmark:p:w'), [])).toEqual(WRONG);
  });

  test('a secret is a name and a password', () => {
    expect(['name', ':password', 'name:'].map((secret) => keyOf('basic-auth', secret))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
