import { unprivilegedAccount } from '../commands/account';
import { chooseRedis } from './redis-server';
import { chooseTemporal } from './temporal-program';

/** A machine with these programs on PATH. */
const having = (programs: Record<string, string>) => (name: string) => programs[name];

describe('Redis', () => {
  const everything = having({ 'redis-server': '/usr/bin/redis-server', 'valkey-server': '/usr/bin/valkey-server' });

  test('the one that the environment names comes first', () => {
    const choice = chooseRedis({ url: 'redis://cache:6379', find: everything, isDebianRoot: true });
    expect(choice).toEqual({ kind: 'given', url: 'redis://cache:6379' });
  });

  test('then a program on PATH', () => {
    const redis = { kind: 'program', file: '/usr/bin/redis-server', argv0: 'redis-server' };
    expect(chooseRedis({ url: '', find: everything, isDebianRoot: true })).toEqual(redis);
    const valkey = having({ 'valkey-server': '/opt/valkey-server' });
    const choice = chooseRedis({ url: undefined, find: valkey, isDebianRoot: true });
    expect(choice).toEqual({ kind: 'program', file: '/opt/valkey-server', argv0: 'valkey-server' });
  });

  test('the program in redis-tools is called by the name of the server', () => {
    const find = having({ 'redis-check-rdb': '/usr/bin/redis-check-rdb' });
    const choice = chooseRedis({ url: undefined, find, isDebianRoot: false });
    expect(choice).toEqual({ kind: 'program', file: '/usr/bin/redis-check-rdb', argv0: 'redis-server' });
  });

  test('with nothing there, it is installed where that is possible, else done without', () => {
    expect(chooseRedis({ url: undefined, find: having({}), isDebianRoot: true })).toEqual({ kind: 'install' });
    expect(chooseRedis({ url: undefined, find: having({}), isDebianRoot: false })).toEqual({ kind: 'none' });
  });
});

describe('Temporal', () => {
  const built = ['/clone/.waybill/bin/temporal', '/home/.cache/waybill/temporal'];
  const find = having({ temporal: '/usr/bin/temporal', go: '/usr/bin/go' });

  test('the one that the environment names comes first', () => {
    const choice = chooseTemporal({ address: 'temporal:7233', find, built, works: () => true });
    expect(choice).toEqual({ kind: 'given', address: 'temporal:7233' });
  });

  test('then the one on PATH, then those built before, if they work', () => {
    const choose = (works: (file: string) => boolean) => chooseTemporal({ address: '', find, built, works });
    expect(choose(() => true)).toEqual({ kind: 'program', file: '/usr/bin/temporal' });
    expect(choose((file) => built.includes(file))).toEqual({ kind: 'program', file: built[0] });
    expect(choose((file) => file === built[1])).toEqual({ kind: 'program', file: built[1] });
  });

  test('then one is built, if Go is there', () => {
    const works = () => false;
    expect(chooseTemporal({ address: undefined, find, built, works })).toEqual({ kind: 'build', go: '/usr/bin/go' });
    expect(chooseTemporal({ address: undefined, find: having({}), built, works })).toEqual({ kind: 'none' });
  });
});

describe('who runs Postgres', () => {
  const passwd = (...names: string[]) =>
    ['root:x:0:0::/root:/bin/sh', ...names.map((name, i) => `${name}:x:${100 + i}:${200 + i}::/:/bin/sh`)].join('\n');

  test('we ourselves, unless we are root', () => {
    expect(unprivilegedAccount(1000, passwd('postgres'))).toBeUndefined();
  });

  test("for root, Postgres' own user, else nobody", () => {
    expect(unprivilegedAccount(0, passwd('nobody', 'postgres'))).toEqual({ uid: 101, gid: 201 });
    expect(unprivilegedAccount(0, passwd('nobody'))).toEqual({ uid: 100, gid: 200 });
    expect(() => unprivilegedAccount(0, passwd())).toThrow('Postgres does not run as root');
  });
});
