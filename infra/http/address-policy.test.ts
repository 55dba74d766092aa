import { BlockList } from 'node:net';
import fc from 'fast-check';
import { type AddressPolicy, checkAddress, checkDestination, checkUrl, checkUrlAndResolve } from './address-policy';

const PUBLIC: AddressPolicy = { allowPrivateNetworks: [], allowHttp: false };
const DEVELOPMENT: AddressPolicy = { allowPrivateNetworks: ['127.0.0.0/8', '::1/128', '10.1.0.0/16'], allowHttp: true };

/** The IANA special-purpose registries and multicast, matched by Node itself: nothing here is shared with the code. */
const special4 = new BlockList();
const special6 = new BlockList();
for (const [network, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.31.196.0', 24],
    ['192.52.193.0', 24],
  ] as const),
  ...([
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['192.175.48.0', 24],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
  ] as const),
  ...([
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
    ['168.63.129.16', 32],
  ] as const),
] as const) {
  special4.addSubnet(network, bits);
}
for (const [network, bits] of [
  ...([
    ['::', 3],
    ['4000::', 2],
    ['8000::', 1],
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
  ] as const),
  ...([
    ['2620:4f:8000::', 48],
    ['3fff::', 20],
  ] as const),
] as const) {
  special6.addSubnet(network, bits, 'ipv6');
}

const byte = fc.integer({ min: 0, max: 255 });
/** The first byte is as often that of a special range as any other. */
const ipv4 = fc
  .tuple(
    fc.oneof(byte, fc.constantFrom(0, 10, 100, 127, 168, 169, 172, 192, 198, 203, 224, 240, 255)),
    byte,
    byte,
    byte,
  )
  .map((bytes) => bytes.join('.'));
const near4 = fc
  .tuple(
    fc.constantFrom('192.0', '192.31', '192.88', '192.168', '198.18', '198.51', '203.0', '172.31', '169.254', '168.63'),
    byte,
    byte,
  )
  .map(([start, third, fourth]) => `${start}.${third}.${fourth}`);
const group = fc.integer({ min: 0, max: 0xffff });
const ipv6 = fc
  .tuple(
    fc.oneof(
      group,
      fc.constantFrom(0, 0x64, 0x100, 0x2000, 0x2001, 0x2002, 0x2620, 0x3fff, 0x5f00, 0xfc00, 0xfe80, 0xff02),
    ),
    fc.oneof(group, fc.constantFrom(0, 0xdb8, 0x1ff, 0x200, 0x4f, 0xff9b, 0xfff, 0x1000)),
    fc.array(fc.oneof(group, fc.constant(0), fc.constant(0x8000)), { minLength: 6, maxLength: 6 }),
  )
  .map(([first, second, rest]) => [first, second, ...rest].map((value) => value.toString(16)).join(':'));
const hex = (address: string) => {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
};

describe('checkAddress', () => {
  it('allows IPv4 addresses outside the special ranges, and no others', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, near4), (address) => {
        expect(checkAddress(address, PUBLIC).allowed).toBe(!special4.check(address));
      }),
      { numRuns: 3_000 },
    );
  });

  it('allows IPv6 addresses of global unicast outside the special ranges, and no others', () => {
    fc.assert(
      fc.property(ipv6, (address) => {
        fc.pre(!address.startsWith('0:0:0:0:0:ffff:'));
        expect(checkAddress(address, PUBLIC).allowed).toBe(!special6.check(address, 'ipv6'));
      }),
      { numRuns: 3_000 },
    );
  });

  it('treats an IPv4-mapped address as the IPv4 address', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const verdict = checkAddress(address, DEVELOPMENT);
        expect(checkAddress(`::ffff:${address}`, DEVELOPMENT)).toEqual(verdict);
        expect(checkAddress(`::ffff:${hex(address)}`, DEVELOPMENT)).toEqual(verdict);
      }),
    );
  });

  it('refuses every other way to carry an IPv4 address inside an IPv6 address, public ones too', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const forms = [
          `::${hex(address)}`,
          `::ffff:0:${hex(address)}`,
          `64:ff9b::${hex(address)}`,
          `2002:${hex(address)}::1`,
        ];
        for (const form of [...forms, `2001:0:${hex(address)}::1`]) {
          expect(checkAddress(form, PUBLIC).allowed).toBe(false);
        }
      }),
    );
  });

  it('allows what lies in an allowed network, besides what is public', () => {
    fc.assert(
      fc.property(ipv4, fc.integer({ min: 0, max: 32 }), ipv4, (network, bits, address) => {
        const allowed = new BlockList();
        allowed.addSubnet(network, bits);
        const policy = { ...PUBLIC, allowPrivateNetworks: [`${network}/${bits}`] };
        expect(checkAddress(address, policy).allowed).toBe(!special4.check(address) || allowed.check(address));
      }),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(ipv6, fc.integer({ min: 0, max: 95 }), ipv6, (network, bits, address) => {
        fc.pre(!address.startsWith('0:0:0:0:0:ffff:'));
        const allowed = new BlockList();
        allowed.addSubnet(network, bits, 'ipv6');
        const policy = { ...PUBLIC, allowPrivateNetworks: [`${network}/${bits}`] };
        const expected = !special6.check(address, 'ipv6') || allowed.check(address, 'ipv6');
        expect(checkAddress(address, policy).allowed).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('takes a single address, and a mapped range, as an allowed network', () => {
    expect(checkAddress('10.0.0.7', { ...PUBLIC, allowPrivateNetworks: ['10.0.0.7'] }).allowed).toBe(true);
    expect(checkAddress('10.0.0.8', { ...PUBLIC, allowPrivateNetworks: ['10.0.0.7'] }).allowed).toBe(false);
    expect(checkAddress('10.9.9.9', { ...PUBLIC, allowPrivateNetworks: ['::ffff:10.0.0.0/104'] }).allowed).toBe(true);
    expect(checkAddress('127.0.0.1', { ...PUBLIC, allowPrivateNetworks: ['::ffff:10.0.0.0/104'] }).allowed).toBe(false);
  });

  it.each([
    '',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f.1',
    '1.2.3.4.5',
    '01.2.3.4',
    'fe80::1%eth0',
    '2600::1%eth0',
    '[::1]',
  ])('refuses %p, which is no plain IP address', (text) => {
    const everything = { ...PUBLIC, allowPrivateNetworks: ['0.0.0.0/0', '::/0'] };
    expect(checkAddress(text, everything)).toEqual({ allowed: false, reason: 'not an IP address' });
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/8x',
    'fd00::/129',
    'example.com/8',
    '',
  ])('throws for %p as an allowed network', (range) => {
    const policy = { ...PUBLIC, allowPrivateNetworks: [range] };
    expect(() => checkAddress('127.0.0.1', policy)).toThrow(`not a CIDR range: ${range}`);
  });
});

describe('checkDestination', () => {
  it('refuses ports of other services, but not inside an allowed network', () => {
    for (const port of [22, 25, 2375, 3306, 5432, 6379, 9200, 11211, 27017]) {
      expect(checkDestination('8.8.8.8', port, DEVELOPMENT)).toEqual({
        allowed: false,
        reason: `port ${port} is not allowed`,
      });
      expect(checkDestination('127.0.0.1', port, DEVELOPMENT)).toEqual({ allowed: true });
      expect(checkDestination('::ffff:127.0.0.1', port, DEVELOPMENT)).toEqual({ allowed: true });
    }
    for (const port of [80, 443, 3000, 8080, 8443, 9000, 54321]) {
      expect(checkDestination('8.8.8.8', port, PUBLIC)).toEqual({ allowed: true });
    }
  });

  it('holds every address to the listed ports when there is a list', () => {
    const policy = { ...DEVELOPMENT, allowedPorts: [443, 6379] };
    expect(checkDestination('8.8.8.8', 443, policy).allowed).toBe(true);
    expect(checkDestination('8.8.8.8', 6379, policy).allowed).toBe(true);
    expect(checkDestination('8.8.8.8', 8443, policy).allowed).toBe(false);
    expect(checkDestination('127.0.0.1', 8443, policy).allowed).toBe(false);
  });
});

describe('checkUrl', () => {
  const reasonFor = (url: string, policy = PUBLIC) => {
    const verdict = checkUrl(url, policy);
    return verdict.ok ? undefined : verdict.reason;
  };

  it.each([
    ['https://hooks.example.com', 'https://hooks.example.com/'],
    ['HTTPS://Hooks.Example.com:443/a/../b?x=1#y', 'https://hooks.example.com/b?x=1'],
    ['https://hooks.example.com./', 'https://hooks.example.com/'],
    ['https://hooks.example.com:8443/a%20b', 'https://hooks.example.com:8443/a%20b'],
    ['https://a_b.example.com/', 'https://a_b.example.com/'],
    ['https://bücher.example.com/é', 'https://xn--bcher-kva.example.com/%C3%A9'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700::1]/', 'https://[2606:4700::1]/'],
    ['https://example.com/@user', 'https://example.com/@user'],
    ['https://example.com/?to=a@b.c', 'https://example.com/?to=a@b.c'],
    ['https://127.0.0.1.example.com/', 'https://127.0.0.1.example.com/'],
  ])('accepts %s', (url, href) => {
    const verdict = checkUrl(url, PUBLIC);
    expect(verdict.ok ? verdict.url.href : verdict.reason).toBe(href);
  });

  it('says what is wrong', () => {
    expect(reasonFor('http://example.com/')).toBe('the scheme must be https');
    expect(reasonFor('ftp://example.com/')).toBe('not an absolute https:// URL');
    expect(reasonFor('example.com')).toBe('not an absolute https:// URL');
    expect(reasonFor('https://user@example.com/')).toBe('the URL must not contain a user name or password');
    expect(reasonFor('https://exa mple.com/')).toBe('the URL contains white space, control characters or a backslash');
    expect(reasonFor('https://10.0.0.1/')).toBe('the address is not a public one');
    expect(reasonFor('https://api.internal/')).toBe('the host name is not a public one');
    expect(reasonFor('https://a..example.com/')).toBe('the host name is not valid');
    expect(reasonFor(`https://${'a'.repeat(64)}.example.com/`)).toBe('the host name is not valid');
    expect(reasonFor(`https://${'a.'.repeat(127)}com/`)).toBe('the host name is not valid');
    expect(reasonFor('https://example.com:22/')).toBe('port 22 is not allowed');
    expect(reasonFor(`https://example.com/${'a'.repeat(2_048)}`)).toBe('the URL is longer than 2048 characters');
  });

  it('lets private names pass once private networks are allowed, for their addresses to decide', async () => {
    for (const url of ['http://localhost:3000/', 'http://receiver:8080/', 'http://api.internal/', 'http://db:5432/']) {
      expect(checkUrl(url, DEVELOPMENT).ok).toBe(true);
      const private_ = await checkUrlAndResolve(url, DEVELOPMENT, { resolve: async () => ['10.1.2.3'] });
      const elsewhere = await checkUrlAndResolve(url, DEVELOPMENT, { resolve: async () => ['10.2.2.3'] });
      expect([private_.ok, elsewhere.ok]).toEqual([true, false]);
    }
    const publicDatabase = await checkUrlAndResolve('http://db.example.com:5432/', DEVELOPMENT, {
      resolve: async () => ['8.8.8.8'],
    });
    expect(publicDatabase.ok).toBe(false);
  });

  it('holds to the listed ports', () => {
    const policy = { ...PUBLIC, allowedPorts: [443] };
    expect(reasonFor('https://example.com/', policy)).toBeUndefined();
    expect(reasonFor('https://example.com:8443/', policy)).toBe('port 8443 is not allowed');
    expect(reasonFor('https://8.8.8.8:8443/', policy)).toBe('port 8443 is not allowed');
  });

  it('never throws, and what it accepts leads nowhere private by its text alone', () => {
    const host = fc.oneof(
      ipv4,
      ipv6.map((address) => `[${address}]`),
      fc.domain(),
      fc.string({ maxLength: 12 }),
    );
    const text = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('https://', 'http://', 'https:', 'https:///'), host, fc.string({ maxLength: 8 }))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (url) => {
        const verdict = checkUrl(url, PUBLIC);
        if (!verdict.ok) return;
        expect(verdict.url.protocol).toBe('https:');
        expect(verdict.url.username + verdict.url.password).toBe('');
        expect(verdict.url.hostname).toMatch(/\.|:/);
        expect(checkUrl(verdict.url.href, PUBLIC)).toEqual(verdict);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('checkUrlAndResolve', () => {
  const url = 'https://hooks.example.com/';
  const refusal = { ok: false, reason: 'the host name does not resolve, or not to public addresses only' };

  it('accepts a name whose addresses are all public', async () => {
    expect(await checkUrlAndResolve(url, PUBLIC, { resolve: async () => ['8.8.8.8', '2606:4700::1'] })).toMatchObject({
      ok: true,
    });
  });

  it('refuses with one sentence a name that is unknown, has no address, or one that is not public', async () => {
    const unknown = () => Promise.reject(new Error('ENOTFOUND'));
    expect(await checkUrlAndResolve(url, PUBLIC, { resolve: unknown })).toEqual(refusal);
    expect(await checkUrlAndResolve(url, PUBLIC, { resolve: async () => [] })).toEqual(refusal);
    expect(await checkUrlAndResolve(url, PUBLIC, { resolve: async () => ['8.8.8.8', '10.0.0.1'] })).toEqual(refusal);
  });

  it('does not wait for a resolver that does not answer', async () => {
    const resolve = () => new Promise<string[]>(() => {});
    expect(await checkUrlAndResolve(url, PUBLIC, { resolve, timeoutMs: 20 })).toEqual(refusal);
  });

  it('asks nobody about an address', async () => {
    const resolve = jest.fn();
    expect((await checkUrlAndResolve('https://8.8.8.8/', PUBLIC, { resolve })).ok).toBe(true);
    expect(resolve).not.toHaveBeenCalled();
  });
});
