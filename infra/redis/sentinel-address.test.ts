import { parseSentinelAddress } from './sentinel-address';

test('an address with everything', () => {
  const address = 'rediss+sentinel://cache:p%40ss%2Fword@s1:26380,s2.internal,[::1]:1/main/2?sentinel_password=a%26b';
  expect(parseSentinelAddress(address)).toEqual({
    sentinels: [
      { host: 's1', port: 26_380 },
      { host: 's2.internal', port: 26_379 },
      { host: '::1', port: 1 },
    ],
    name: 'main',
    db: 2,
    username: 'cache',
    password: 'p@ss/word',
    sentinelPassword: 'a&b',
    secure: true,
  });
});

test('one with what it needs', () => {
  const sentinels = [{ host: 's1', port: 26_379 }];
  expect(parseSentinelAddress('redis+sentinel://s1/main')).toEqual({ sentinels, name: 'main', db: 0, secure: false });
  expect(parseSentinelAddress('redis+sentinel://:secret@s1/main')).toMatchObject({ sentinels, password: 'secret' });
});

test.each([
  'redis://s1/main',
  'redis+sentinel://s1',
  'redis+sentinel://s1/',
  'redis+sentinel:///main',
  'redis+sentinel://s1,,s2/main',
  'redis+sentinel://s1:0/main',
  'redis+sentinel://s1:65536/main',
  'redis+sentinel://s1:port/main',
  'redis+sentinel://s1/main/name',
  'redis+sentinel://s1/main?sentinel_pasword=x',
  'redis+sentinel://user:p%zz@s1/main',
  'redis+sentinel://a b/main',
])('%s is none', (address) => {
  expect(parseSentinelAddress(address)).toBeUndefined();
});
