import { type Context, type FillFault, fill, placesOf, type TemplateData, templateFault } from './template';

function filled(template: string, data: TemplateData, context: Context) {
  const faults: FillFault[] = [];
  return { text: fill(template, data, context, faults), faults };
}

const EVIL = `"><script>alert('1')</script>\r\nBcc: all@example.org`;

test('values are found by name, in objects by names with dots between them', () => {
  const data = { name: 'Ada', order: { number: 7, paid: true } };
  expect(filled('{{name}}: {{ order.number }}, {{order.paid}}', data, 'text').text).toBe('Ada: 7, true');
  expect(placesOf('{{name}} {{ order.number }} {{name}}')).toEqual(['name', 'order.number']);
});

test('what is missing, or is no value, is said once', () => {
  const { text, faults } = filled('{{a}}{{a}}{{b.c}}{{d}}', { b: 'x', d: ['y'] }, 'text');
  expect(text).toBe('');
  expect(faults).toEqual([
    { name: 'a', fault: 'is missing' },
    { name: 'b.c', fault: 'is missing' },
    { name: 'd', fault: 'must be a text, a number, true or false' },
  ]);
});

test.each(['constructor', '__proto__', 'toString', 'a.constructor'])('%s is no value of an object', (name) => {
  expect(filled(`{{${name}}}`, { a: {} }, 'text').faults).toHaveLength(1);
});

test('what is filled in is not filled again', () => {
  expect(filled('{{a}}', { a: '{{b}}', b: 'secret' }, 'text').text).toBe('{{b}}');
  expect(filled('<p>{{a}}</p>', { a: '{{b}}', b: 'secret' }, 'html').text).toBe('<p>{{b}}</p>');
});

test('a line stays one line, so that no value adds a header', () => {
  expect(filled('Order {{a}}', { a: EVIL }, 'line').text).toBe(
    `Order "><script>alert('1')</script> Bcc: all@example.org`,
  );
  expect(filled('{{a}}', { a: 'x\u2028y\u0085z\u0000' }, 'line').text).toBe('x y z ');
});

test.each([['<p>{{a}}</p>'], ['<p title="{{a}}">x</p>'], [`<p title='{{a}}'>x</p>`]])(
  '%s: a value is text there, whatever it is',
  (template) => {
    const { text } = filled(template, { a: EVIL }, 'html');
    expect(text).not.toContain('<script');
    expect(text.match(/[<>"']/g)).toEqual(template.match(/[<>"']/g));
  },
);

test.each([['javascript:alert(1)'], [' java\nscript:alert(1)'], ['data:text/html,x'], ['vbscript:x']])(
  'a link cannot lead to %j',
  (a) => {
    expect(filled('<a href="{{a}}">x</a>', { a }, 'html').faults).toEqual([
      { name: 'a', fault: 'does not make a link to http:, https:, mailto: or tel:' },
    ]);
  },
);

test.each([
  ['https://example.com/?a=1&b=2', 'https://example.com/?a=1&#38;b=2'],
  ['/orders/1:2', '/orders/1:2'],
  ['mailto:a@example.com', 'mailto:a@example.com'],
])('a link can lead to %j', (a, expected) => {
  expect(filled('<a href="{{a}}">x</a>', { a }, 'html')).toEqual({ text: `<a href="${expected}">x</a>`, faults: [] });
});

test.each([
  ['https://example.com/{{a}}', { a: '1' }, 0],
  ['{{a}}', { a: 'javascript:alert(1)' }, 1],
  ['{{a}}', { a: 'https://exa mple.com' }, 1],
  ['{{a}}', { a: '/relative' }, 1],
])('an address %s with %j has %i faults', (template, data, count) => {
  expect(filled(template, data, 'url').faults).toHaveLength(count);
});

test.each([
  ['<script>{{a}}</script>'],
  ['<style>p { color: {{a}} }</style>'],
  ['<SCRIPT type="x">var a = "</p>{{a}}"</SCRIPT>'],
  ['<p onclick="{{a}}">x</p>'],
  ['<p style="color: {{a}}">x</p>'],
  ['<p class={{a}}>x</p>'],
  ['<p {{a}}>x</p>'],
  ['<{{a}}>'],
  ['</{{a}}>'],
  [`<a href="{{a}}" x'y>z</a>`],
  [`<p x'y><script>a="{{a}}"</script> it's >`],
  ['<p {{a}}="x">y</p>'],
  ['<!-- {{a}} -->'],
  ['<!-- {{a}}'],
  ['<img src="x" srcset="{{a}}">'],
  ['<iframe srcdoc="{{a}}"></iframe>'],
  ['<p title="{{a}}'],
  ['<title>{{a}}</title>'],
])('%s cannot be filled safely', (template) => {
  expect(templateFault(template, 'html')).toMatch(/cannot have .* there/);
});

test.each([
  ['{{', 'text'],
  ['{{a', 'text'],
  ['a}}', 'text'],
  ['{{a b}}', 'text'],
  ['{{1a}}', 'text'],
  ['{{#if a}}', 'text'],
  ['a\nb', 'line'],
] as const)('%j is no template of a %s', (template, context) => {
  expect(templateFault(template, context)).toBeDefined();
});

test.each([
  ['Dear {{name}},\n{ not a place }', 'text'],
  ['Order {{order.number}}', 'line'],
  [
    `<p class=x title="{{a}}" hidden>{{b}}<br/><img src='/{{c}}' /> <a href="https://example.com/{{c}}">x</a><br>1 < 2</p>`,
    'html',
  ],
] as const)('%j is a template of a %s', (template, context) => {
  expect(templateFault(template, context)).toBeUndefined();
});
