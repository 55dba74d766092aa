import { decodeText } from './decode-text';

const TEXT = 'Müller,été';

test.each([
  ['UTF-8', Buffer.from(TEXT), undefined],
  ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${TEXT}`), 'text/csv'],
  ['ISO 8859-1 that says so', Buffer.from(TEXT, 'latin1'), 'text/csv; charset=ISO-8859-1'],
  ['ISO 8859-1 that says nothing', Buffer.from(TEXT, 'latin1'), 'text/csv'],
  ['UTF-16 with its byte order mark', Buffer.from(`\uFEFF${TEXT}`, 'utf16le'), 'text/csv; charset=utf-8'],
])('text in %s is read', (_name, bytes, contentType) => {
  expect(decodeText(bytes, contentType)).toBe(TEXT);
});

test('an XML declaration is believed', () => {
  const xml = '<?xml version="1.0" encoding="ISO-8859-1"?><Nm>é</Nm>';
  expect(decodeText(Buffer.from(xml, 'latin1'), 'application/xml')).toBe(xml);
});

test.each([
  ['a charset that nobody knows', Buffer.from('a'), 'text/csv; charset=klingon'],
  ['a charset that it is not in', Buffer.from(TEXT, 'latin1'), 'text/csv; charset=utf-8'],
])('text in %s is refused', (_name, bytes, contentType) => {
  expect(() => decodeText(bytes, contentType)).toThrow(expect.objectContaining({ code: 'unsupported-media-type' }));
});

test('no body is no text', () => {
  expect(decodeText(undefined, undefined)).toBe('');
});
