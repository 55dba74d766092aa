import { addressGroup } from './client-address';

test('addresses of one IPv6 network count together, IPv4 addresses each for itself', () => {
  expect(addressGroup('2001:db8:1:2::1')).toBe(addressGroup('2001:db8:1:2:ffff:ffff:ffff:ffff'));
  expect(addressGroup('2001:db8:1:2::1')).not.toBe(addressGroup('2001:db8:1:3::1'));
  expect(addressGroup('192.0.2.1')).not.toBe(addressGroup('192.0.2.2'));
  expect(addressGroup('::ffff:192.0.2.1')).toBe(addressGroup('192.0.2.1'));
  expect(addressGroup('fe80::1%eth0')).toBe(addressGroup('fe80::2%eth0'));
  expect(addressGroup(undefined)).toBe('unknown');
});
