import { prepareHeaders } from './request-headers';

describe('prepareHeaders', () => {
  it('lists names in lower case with their values', () => {
    expect(prepareHeaders({ 'Content-Type': 'text/plain', 'webhook-id': 'msg_1', 'x-empty': '' })).toEqual([
      ...['content-type', 'text/plain', 'webhook-id', 'msg_1', 'x-empty', ''],
    ]);
  });

  it('takes the last of two spellings of one name', () => {
    const headers = { 'Webhook-Signature': 'forged', 'x-a': '1', 'webhook-signature': 'v1,real' };
    expect(prepareHeaders(headers)).toEqual(['webhook-signature', 'v1,real', 'x-a', '1']);
  });

  it('leaves out what belongs to the connection, in any spelling', () => {
    expect(
      prepareHeaders({ HOST: 'x', 'Transfer-encoding': 'chunked', te: 'trailers', 'Content-Length': '0' }),
    ).toEqual([]);
  });

  it.each([
    ['a line feed', { a: 'b\nc' }],
    ['a carriage return', { a: 'b\rc' }],
    ['a NUL', { a: '\0' }],
    ['a DEL', { a: '\x7f' }],
    ['an emoji', { a: '🙂' }],
    ['an empty name', { '': 'b' }],
    ['a colon in the name', { 'a:b': 'c' }],
    ['a letter beyond ASCII in the name', { ä: 'c' }],
  ])('refuses %s', (_what, headers) => {
    expect(prepareHeaders(headers)).toBeUndefined();
  });
});
