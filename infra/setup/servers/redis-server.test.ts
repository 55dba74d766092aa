import { chooseRedis } from './redis-server';

/** A machine with these programs on PATH. */
const having = (programs: Record<string, string>) => (name: string) => programs[name];

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
