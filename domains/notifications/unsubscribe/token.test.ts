import { randomBytes } from 'node:crypto';
import { newId } from '../../../core/ids';
import { Keyring } from '../../../infra/keyring';
import { makeUnsubscribeToken, readUnsubscribeToken } from './token';

const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const key = newKey('k1');
const keyring = new Keyring([key]);
const whom = {
  tenantId: newId('ten'),
  subscriberId: newId('sub'),
  channel: 'email' as const,
  category: 'news',
};

test('a token says whom to unsubscribe from what, and fits a link', () => {
  const token = makeUnsubscribeToken(keyring, whom);
  expect(token).toMatch(/^[\w-]{20,400}$/);
  expect(readUnsubscribeToken(keyring, token)).toEqual(whom);
});

test('it outlives a new key, as long as its own is kept', () => {
  const token = makeUnsubscribeToken(keyring, whom);
  expect(readUnsubscribeToken(new Keyring([newKey('k2'), key]), token)).toEqual(whom);
  expect(readUnsubscribeToken(new Keyring([newKey('k2')]), token)).toBeUndefined();
});

test('nobody else can make one, from another or from what is sealed elsewhere', () => {
  const bytes = Buffer.from(makeUnsubscribeToken(keyring, whom), 'base64url');
  for (const at of bytes.keys()) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(readUnsubscribeToken(keyring, altered.toString('base64url'))).toBeUndefined();
  }
  const elsewhere = keyring.encrypt('1 a b email news', 'destinations/dst_1').toString('base64url');
  for (const text of ['', 'x', elsewhere, `${bytes.toString('base64url')}=`, 'A'.repeat(10_000)]) {
    expect(readUnsubscribeToken(keyring, text)).toBeUndefined();
  }
});
