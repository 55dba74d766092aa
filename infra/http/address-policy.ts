import { isIP } from 'node:net';
import { withTimeout } from '../../core/timeout';
import { type AddressRange, inRanges, isPublicAddress, parseAddress, parseRanges } from './address-ranges';
import { REFUSED_PORTS } from './refused-ports';
import { createSystemResolver, type Resolve } from './resolver';

/** Which receivers may be contacted. */
export interface AddressPolicy {
  /**
   * CIDR ranges that are allowed although they are not public, such as `127.0.0.0/8`; for development and tests.
   * While the list is empty, names that only a private network can know (`localhost`, `db`, `*.internal`) are refused
   * before they are resolved.
   */
  allowPrivateNetworks: readonly string[];
  /** Whether `http://` is allowed as well as `https://`. */
  allowHttp: boolean;
  /**
   * When given, exactly these ports are allowed, for every address. Default: every port except those that no web server
   * uses (mail, SSH, databases …); these too are allowed on an address inside `allowPrivateNetworks`.
   */
  allowedPorts?: readonly number[];
}

export type AddressVerdict = { allowed: true } | { allowed: false; reason: string };
export type UrlVerdict = { ok: true; url: URL } | { ok: false; reason: string };

export interface ResolveOptions {
  /** Default: the system's resolver. */
  resolve?: Resolve;
  /** Longest time to wait for the resolver, in milliseconds. Default 5,000. */
  timeoutMs?: number;
}

const MAX_URL_LENGTH = 2_048;
const ALLOWED: AddressVerdict = { allowed: true };
const NOT_PUBLIC = 'the address is not a public one';
// One sentence for both outcomes: which internal names exist is nobody's business.
const NOT_RESOLVED = 'the host name does not resolve, or not to public addresses only';

const resolveBySystem = createSystemResolver();

/** Top-level names that never lead to the public internet. */
const PRIVATE_SUFFIXES = new Set([
  ...['localhost', 'local', 'localdomain', 'internal', 'intranet', 'private', 'corp', 'home', 'lan', 'onion'],
  ...['invalid', 'home.arpa'],
]);

/** Whether the policy allows connections to this IP address, on any usual port. Zone ids are refused. */
export function checkAddress(ip: string, policy: AddressPolicy): AddressVerdict {
  const address = parseAddress(ip);
  if (address === undefined) return { allowed: false, reason: 'not an IP address' };
  if (isPublicAddress(address) || inRanges(address, privateRanges(policy))) return ALLOWED;
  return { allowed: false, reason: NOT_PUBLIC };
}

/** {@link checkAddress} plus the port; called before every connection. */
export function checkDestination(ip: string, port: number, policy: AddressPolicy): AddressVerdict {
  const verdict = checkAddress(ip, policy);
  if (!verdict.allowed || isUsualPort(port, policy)) return verdict;
  const address = parseAddress(ip);
  const exempt = policy.allowedPorts === undefined && address !== undefined;
  if (exempt && inRanges(address, privateRanges(policy))) return ALLOWED;
  return { allowed: false, reason: portRefused(port) };
}

/**
 * Checks the URL of a receiver without asking DNS.
 *
 * @returns the parsed URL, without a trailing dot in its host and without a fragment; or why it is refused, in words
 *   that may be shown to the user
 */
export function checkUrl(text: string, policy: AddressPolicy): UrlVerdict {
  if (text.length > MAX_URL_LENGTH) return refused(`the URL is longer than ${MAX_URL_LENGTH} characters`);
  // The WHATWG parser drops or rewrites these, other parsers do not: refuse what two parsers may read differently.
  if (/[\s\p{Cc}\\]/u.test(text)) return refused('the URL contains white space, control characters or a backslash');
  if (!/^https?:\/\/[^/?#]/i.test(text) || !URL.canParse(text)) return refused('not an absolute https:// URL');
  const url = new URL(text);
  if (url.protocol === 'http:' && !policy.allowHttp) return refused('the scheme must be https');
  if (/^[^/]*\/\/[^/?#]*@/.test(text)) return refused('the URL must not contain a user name or password');
  url.hash = '';
  const ip = literalAddress(url);
  return ip === undefined ? checkName(url, policy) : checkLiteral(url, ip, policy);
}

/**
 * {@link checkUrl}, and every address that the name resolves to. No promise about later connections: the guarded client
 * resolves and checks again whenever it connects.
 */
export async function checkUrlAndResolve(
  text: string,
  policy: AddressPolicy,
  options: ResolveOptions = {},
): Promise<UrlVerdict> {
  const verdict = checkUrl(text, policy);
  if (!verdict.ok || literalAddress(verdict.url) !== undefined) return verdict;
  const resolve = options.resolve ?? resolveBySystem;
  const addresses = await withTimeout(resolve(verdict.url.hostname), options.timeoutMs ?? 5_000).catch(() => []);
  const port = portOf(verdict.url);
  const allowed = addresses.length > 0 && addresses.every((address) => checkDestination(address, port, policy).allowed);
  return allowed ? verdict : refused(NOT_RESOLVED);
}

/** The URL's host if it is an IP address, without brackets. */
export function literalAddress(url: URL): string | undefined {
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  return isIP(host) === 0 ? undefined : host;
}

/** The URL's port, the scheme's own if it names none. */
export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** @throws RangeError if a range of the policy cannot be read */
export function assertPolicy(policy: AddressPolicy): void {
  privateRanges(policy);
}

function checkLiteral(url: URL, ip: string, policy: AddressPolicy): UrlVerdict {
  const verdict = checkDestination(ip, portOf(url), policy);
  return verdict.allowed ? { ok: true, url } : refused(verdict.reason);
}

function checkName(url: URL, policy: AddressPolicy): UrlVerdict {
  const name = url.hostname.endsWith('.') ? url.hostname.slice(0, -1) : url.hostname;
  const labels = name.split('.');
  const wellFormed = labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  if (!wellFormed || name.length > 253) return refused('the host name is not valid');
  const privateName =
    labels.length === 1 ||
    PRIVATE_SUFFIXES.has(labels.slice(-1).join('.')) ||
    PRIVATE_SUFFIXES.has(labels.slice(-2).join('.'));
  // With private networks allowed, such a name may be intended: the addresses it resolves to decide.
  const decidedByAddress = policy.allowPrivateNetworks.length > 0;
  if (privateName && !decidedByAddress) return refused('the host name is not a public one');
  const port = portOf(url);
  const portDecidedByAddress = decidedByAddress && policy.allowedPorts === undefined;
  if (!isUsualPort(port, policy) && !portDecidedByAddress) return refused(portRefused(port));
  url.hostname = name;
  return { ok: true, url };
}

function isUsualPort(port: number, policy: AddressPolicy): boolean {
  return policy.allowedPorts === undefined ? !REFUSED_PORTS.has(port) : policy.allowedPorts.includes(port);
}

function portRefused(port: number): string {
  return `port ${port} is not allowed`;
}

function refused(reason: string): UrlVerdict {
  return { ok: false, reason };
}

const parsedRanges = new WeakMap<readonly string[], AddressRange[]>();

function privateRanges(policy: AddressPolicy): AddressRange[] {
  let parsed = parsedRanges.get(policy.allowPrivateNetworks);
  if (parsed === undefined) {
    parsed = parseRanges(policy.allowPrivateNetworks);
    parsedRanges.set(policy.allowPrivateNetworks, parsed);
  }
  return parsed;
}
