import { mentions, piecesOf, templateFault } from './template';

test('a template is text and placeholders, in their order', () => {
  expect(piecesOf('v0:{timestamp}:{body}!')).toEqual([
    { text: 'v0:' },
    { name: 'timestamp' },
    { text: ':' },
    { name: 'body' },
    { text: '!' },
  ]);
  expect(piecesOf('{unknown}{')).toEqual([{ text: '{unknown}{' }]);
  expect([mentions('{id}.{body}', 'id'), mentions('id.{body}', 'id')]).toEqual([true, false]);
});

test.each([
  ['{body}', undefined],
  ['{id}.{timestamp}.{body}', undefined],
  ['', /\{body\} exactly once/],
  ['{body}{body}', /\{body\} exactly once/],
  ['{id}{id}{body}', /at most once/],
])('%s', (template, fault) => {
  if (fault === undefined) expect(templateFault(template)).toBeUndefined();
  else expect(templateFault(template)).toMatch(fault);
});
