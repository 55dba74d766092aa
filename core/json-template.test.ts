import fc from 'fast-check';
import { fillJsonTemplate, isJsonTemplate } from './json-template';

test('whatever a value is, it stays within its text', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const filled = fillJsonTemplate('{"text":"about {{url}}!","to":["{{url}}"]}', { url: value });
      expect(JSON.parse(filled)).toEqual({ text: `about ${value}!`, to: [value] });
    }),
  );
});

test('a place without a value is empty, and names of objects are no values', () => {
  expect(fillJsonTemplate('{"a":"{{missing}}{{toString}}"}', {})).toBe('{"a":""}');
});

test.each([
  ['{"text":"{{a}}"}', true],
  ['"{{a}}"', true],
  ['{"text":{{a}}}', false],
  ['{"{{a}}', false],
  ['text', false],
])('%s may be a template: %s', (text, expected) => {
  expect(isJsonTemplate(text)).toBe(expected);
});
