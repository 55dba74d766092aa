import fc from 'fast-check';
import { quickestMs } from '../../../tests/support/quickest';
import { hiddenOf, signatureForms } from './echo-forms';
import { REDACTED, redactEcho } from './redact-echo';
import { newSecret, parseSecret, sign } from './signature';

const VALUE = 'S3cret/"K&y+<0>';
const hidden = hiddenOf({ 'x-key': VALUE }, []);
const redact = (text: string, headers: Record<string, string> = { 'x-key': VALUE }, cut = false) =>
  redactEcho(text, { hidden: hiddenOf(headers, []), cut });

const html = (text: string) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const entities = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const json = (text: string) => JSON.stringify(text).slice(1, -1);
const everyUnit = (text: string) =>
  [...text].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
const base64 = (text: string) => Buffer.from(text).toString('base64');

const WRITINGS: [string, (text: string) => string][] = [
  ['as it is', (text) => text],
  ['in upper case', (text) => text.toUpperCase()],
  ['in lower case', (text) => text.toLowerCase()],
  ['in JSON', json],
  ['in JSON with escaped slashes', (text) => json(text).replaceAll('/', '\\/')],
  ['in JSON within JSON', (text) => json(json(text))],
  ['in JSON, every character escaped', everyUnit],
  ['in a URL', encodeURIComponent],
  ['in a URL, in lower case', (text) => encodeURIComponent(text).toLowerCase()],
  ['in a URL, encoded twice', (text) => encodeURIComponent(encodeURIComponent(text))],
  ['in an HTML form', (text) => new URLSearchParams({ x: text }).toString().slice(2)],
  ['in HTML', entities],
  ['in HTML by numbers', html],
  ['in HTML within JSON', (text) => json(entities(text))],
  ['in base64', base64],
  ['in base64url', (text) => Buffer.from(text).toString('base64url')],
  ['in base64, among others', (text) => base64(`a${text}b`)],
  ['in base64, two characters before it', (text) => base64(`ab${text}`)],
  ['in base64 of JSON', (text) => base64(`{"x":${JSON.stringify(text.replaceAll('"', ''))}}`)],
  ['in hex', (text) => Buffer.from(text).toString('hex').toUpperCase()],
];

test.each(WRITINGS)('a value is hidden %s', (name, write) => {
  const value = name.includes('of JSON') ? VALUE.replaceAll('"', '') : VALUE;
  const text = `before ${write(value)} after`;
  const shown = redact(text, { 'x-key': value });
  expect(shown).toContain(REDACTED);
  expect(shown.replace(REDACTED, '')).not.toContain(write(value).slice(4, -4));
  expect(shown).toMatch(/^before .* after$/);
});

test('a text without secrets is left as it is, escapes and all', () => {
  for (const text of ['', 'ok', '{"a":"\\u0041%41&amp;"}', 'x'.repeat(4_096), '100 % of \\ & more', 'İİİ no secrets']) {
    expect(redact(text)).toBe(text);
  }
});

test('what stands around stays, also after characters that grow in lower case', () => {
  expect(redact(`İ"${VALUE}" and ${VALUE}İ`)).toBe(`İ"${REDACTED}" and ${REDACTED}İ`);
});

test('a value that holds what looks like an escape is hidden too', () => {
  const value = 'abc%41def\\u0042ghi"';
  for (const text of [value, json(value), encodeURIComponent(value)]) {
    expect(redact(text, { 'x-key': value })).toBe(REDACTED);
  }
});

test('a scheme in front does not help: the token alone is hidden, and the password of Basic', () => {
  expect(redact('token abcdef-123456 refused', { authorization: 'Bearer abcdef-123456' })).toBe(
    `token ${REDACTED} refused`,
  );
  const basic = { authorization: `Basic ${base64('shop:open-sesame')}` };
  expect(redact('wrong: open-sesame', basic)).toBe(`wrong: ${REDACTED}`);
  expect(redact('wrong: shop:open-sesame', basic)).toBe(`wrong: ${REDACTED}`);
});

test('a short value is hidden only after the name of its header', () => {
  const headers = { 'X-Shop': 'berlin' };
  expect(redact('The city of Berlin says hello', headers)).toBe('The city of Berlin says hello');
  const after = ['x-shop: ', '"x-shop":"', '"X-Shop" => "', "'HTTP_X-SHOP': ['", '\\"x-shop\\":\\"', 'x-shop='];
  for (const before of after) {
    expect(redact(`${before}Berlin and Berlin`, headers)).toBe(`${before}${REDACTED} and Berlin`);
  }
});

test('a value that was cut off at the end is hidden from where it begins', () => {
  const long = 'k'.repeat(3) + VALUE.repeat(4);
  const headers = { 'x-key': long };
  expect(redact(`key ${long.slice(0, 20)}`, headers, true)).toBe(`key ${REDACTED}`);
  const escaped = `key ${encodeURIComponent(long).slice(0, 24)}`;
  for (const end of [22, 23, 24]) {
    expect(redact(escaped.slice(0, end), headers, true)).toMatch(/^key \[redacted\](%.?)?$/);
  }
  expect(redact(`key ${long.slice(0, 20)}`, headers)).toContain(long.slice(0, 20));
});

test('signing secrets and signatures are hidden', () => {
  const secret = newSecret();
  const key = parseSecret(secret) ?? Buffer.alloc(0);
  const signature = sign([key, Buffer.alloc(32, 1)], 'msg_1', 1, '{}');
  const echo = { hidden: hiddenOf({}, [key]), more: () => signatureForms(signature) };
  const [first = '', second = ''] = signature.split(' ');
  const texts = [secret, secret.slice(6), key.toString('hex'), key.toString('base64url'), first, second];
  for (const text of [...texts, first.slice(3), Buffer.from(first.slice(3), 'base64').toString('hex')]) {
    const shown = redactEcho(`<${text}>`, echo);
    expect(shown).toMatch(/^<(whsec_|v1,)?\[redacted\]=?>$/);
  }
});

test('whatever a header holds, and however it is written, nothing of it is left', () => {
  const value = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 12,
  });
  const writing = fc.constantFrom(...WRITINGS.filter(([name]) => !/among|before|of JSON/.test(name)));
  const around = fc.string({ maxLength: 20 });
  fc.assert(
    fc.property(value, writing, around, around, (secret, [, write], before, after) => {
      const written = write(secret);
      fc.pre(!`${before}${after}`.includes(written));
      // With a space between: a "%" right before "00" would be an escape with it.
      const shown = redact(`${before} ${written} ${after}`, { 'x-key': secret });
      expect(shown).toContain(REDACTED);
      expect(shown).not.toContain(written.replace(/=+$/, ''));
    }),
  );
});

test('a page of text is looked through quickly', async () => {
  const page = '<p>Service &amp; more: 100%25 \\"unavailable\\"</p>'.repeat(90).slice(0, 4_096);
  const many = hiddenOf(
    Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`x-${n}`, `value-${n}-${VALUE}`])),
    [],
  );
  expect(await quickestMs(200, () => redactEcho(page, { hidden: many }))).toBeLessThan(200);
  expect(hidden.forms.length).toBeGreaterThan(5);
});
