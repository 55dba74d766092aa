import { unprivilegedAccount } from './account';

const passwd = (...names: string[]) =>
  ['root:x:0:0::/root:/bin/sh', ...names.map((name, i) => `${name}:x:${100 + i}:${200 + i}::/:/bin/sh`)].join('\n');

test('we ourselves run Postgres, unless we are root', () => {
  expect(unprivilegedAccount(1000, passwd('postgres'))).toBeUndefined();
});

test("for root, Postgres' own user runs it, else nobody", () => {
  expect(unprivilegedAccount(0, passwd('nobody', 'postgres'))).toEqual({ uid: 101, gid: 201 });
  expect(unprivilegedAccount(0, passwd('nobody'))).toEqual({ uid: 100, gid: 200 });
  expect(() => unprivilegedAccount(0, passwd())).toThrow('Postgres does not run as root');
});
