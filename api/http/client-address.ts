import ipaddr from 'ipaddr.js';

/** Whoever has one IPv6 address has the 2^64 of its network. */
const IPV6_GROUPS = 4;

/**
 * What a limit by address counts for: an IPv4 address, or the /64 network of an IPv6 address.
 *
 * @param address - as Node gives it; undefined once the connection is gone
 */
export function addressGroup(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, IPV6_GROUPS).join(':') : parsed.toString();
}
