import { codeOf } from './error-code';

test.each([
  [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'ECONNRESET'],
  [{ code: '23505' }, '23505'],
  [Object.assign(new Error('x'), { code: 14 }), ''],
  [new Error('x'), ''],
  [null, ''],
  ['ECONNRESET', ''],
])('the code of %p is %j', (error, code) => {
  expect(codeOf(error)).toBe(code);
});
