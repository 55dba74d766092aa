import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type AddressRange = readonly [Address, number];

/**
 * IPv4 addresses that are not public unicast hosts: the IANA special-purpose registry, multicast, and the one metadata
 * service that lives in public space. Listed here instead of asking `ipaddr.js` for its range names, which call
 * 168.63.129.16 and the AS112 and AMT blocks unicast.
 */
const REFUSED_IPV4 = parseRanges([
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT; also Alibaba metadata 100.100.100.200
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure wire server
  '169.254.0.0/16', // link-local; metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // IETF protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT relays
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]);

/** Only 2000::/3 is global unicast; ranges that embed IPv4 addresses lie outside it or are listed below. */
const GLOBAL_UNICAST_IPV6 = parseRanges(['2000::/3']);
const REFUSED_IPV6 = parseRanges([
  '2001::/23', // IETF protocol assignments: Teredo, ORCHID, benchmarking
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
]);

/**
 * Parses an address in dotted or colon notation. An IPv4-mapped IPv6 address becomes the IPv4 address it stands for.
 *
 * @returns `undefined` for anything else: decimal, octal or short IPv4 forms, zone ids, names
 */
export function parseAddress(text: string): Address | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  return unmapped(ipaddr.parse(text));
}

/** Whether the address is a host on the public internet. */
export function isPublicAddress(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return !inRanges(address, REFUSED_IPV4);
  return inRanges(address, GLOBAL_UNICAST_IPV6) && !inRanges(address, REFUSED_IPV6);
}

/** Whether any of the ranges contains the address. */
export function inRanges(address: Address, list: readonly AddressRange[]): boolean {
  return list.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/**
 * Reads CIDR ranges such as `10.0.0.0/8` or `fd00::/8`; a bare address is a range of one.
 *
 * @throws RangeError naming the text that is not a range
 */
export function parseRanges(texts: readonly string[]): AddressRange[] {
  return texts.map((text) => {
    const [network = '', bits, ...rest] = text.split('/');
    const version = isIP(network);
    const width = version === 4 ? 32 : 128;
    const length = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (version === 0 || network.includes('%') || rest.length > 0 || length < 0 || length > width) {
      throw new RangeError(`not a CIDR range: ${text}`);
    }
    const parsed = ipaddr.parse(network);
    const plain = length >= 96 ? unmapped(parsed) : parsed;
    return [plain, plain === parsed ? length : length - 96] as const;
  });
}

function unmapped(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}
