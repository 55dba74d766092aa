import { X509Certificate } from 'node:crypto';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import {
  createSecureContext,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
  connect as upgrade,
} from 'node:tls';
import { type AddressPolicy, checkDestination } from './address-policy';
import { parseAddress } from './address-ranges';
import { BLOCKED_DETAIL, describeError, describeResolveError, describeTlsError, GuardedError } from './errors';
import type { Resolve } from './resolver';

/** Where a connection goes. */
export interface Destination {
  secure: boolean;
  /** A name, or an IP address without brackets. */
  hostname: string;
  port: number;
}

export interface DialOptions {
  policy: AddressPolicy;
  resolve: Resolve;
  secureContext: SecureContext;
  /** A TLS session of an earlier connection to the same origin. */
  session?: Buffer | undefined;
  /** Offer no HTTP/2. */
  http1Only?: boolean;
}

/** How long an address has to answer before the next one is tried in parallel (RFC 8305). */
const NEXT_ADDRESS_AFTER_MS = 300;
const MAX_ADDRESSES_TRIED = 4;

/**
 * What every TLS connection of one client shares: TLS 1.2 or newer, Node's bundled authorities and `extraCa`.
 *
 * @throws TypeError if `extraCa` is not one or more PEM certificates; Node would silently ignore it
 */
export function createReceiverContext(extraCa?: string): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(extraCa === undefined ? {} : { ca: [...rootCertificates, ...certificatesIn(extraCa)] }),
  });
}

function certificatesIn(pem: string): string[] {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw new TypeError('extraCa holds a certificate that cannot be read', { cause: error });
  }
  if (certificates.length === 0) throw new TypeError('extraCa holds no PEM certificate');
  return certificates;
}

/**
 * Resolves, checks every address, connects to a checked one and completes the handshake. One bad address refuses the
 * name: a mix of public and private addresses is an attack or a misconfiguration.
 *
 * @returns a socket whose peer is a checked address; a `TLSSocket` for a secure destination
 * @throws GuardedError, also when `signal` aborts with one
 */
export async function dial(destination: Destination, options: DialOptions, signal: AbortSignal): Promise<Socket> {
  const addresses = await resolveAll(destination.hostname, options.resolve, signal);
  for (const address of addresses) {
    const verdict = checkDestination(address, destination.port, options.policy);
    if (!verdict.allowed) throw new GuardedError('blocked', BLOCKED_DETAIL);
  }
  const socket = await connectAny(addresses.slice(0, MAX_ADDRESSES_TRIED), destination.port, signal);
  // Without a listener an error between here and the first request would end the process.
  socket.on('error', () => {});
  const peer = parseAddress(socket.remoteAddress ?? '')?.toNormalizedString();
  if (peer === undefined) {
    socket.destroy();
    throw new GuardedError('connection', 'the connection was closed');
  }
  if (!addresses.some((address) => parseAddress(address)?.toNormalizedString() === peer)) {
    socket.destroy();
    throw new GuardedError('blocked', BLOCKED_DETAIL);
  }
  return destination.secure ? shakeHands(socket, destination.hostname, options, signal) : socket;
}

async function resolveAll(hostname: string, resolve: Resolve, signal: AbortSignal): Promise<string[]> {
  if (isIP(hostname) !== 0) return [hostname];
  const addresses = await untilAborted(
    resolve(hostname).catch((error: unknown) => {
      throw describeResolveError(error);
    }),
    signal,
  );
  if (addresses.length === 0) throw describeResolveError(undefined);
  return interleaveFamilies(addresses);
}

/** Alternates families, starting with the first address's, so that one broken family costs one attempt. */
function interleaveFamilies(addresses: readonly string[]): string[] {
  const family = isIP(addresses[0] ?? '');
  const first = addresses.filter((address) => isIP(address) === family);
  const second = addresses.filter((address) => isIP(address) !== family);
  return first
    .flatMap((address, index) => [address, ...second.slice(index, index + 1)])
    .concat(second.slice(first.length));
}

function connectAny(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<Socket>();
    let next = 0;
    let timer: NodeJS.Timeout | undefined;

    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const attempt of attempts) attempt.destroy();
    };
    const onAbort = () => {
      end();
      reject(signal.reason);
    };
    const attempt = () => {
      clearTimeout(timer);
      const host = addresses[next++];
      const socket = connectSocket({
        host,
        port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
      } as const);
      attempts.add(socket);
      socket.once('connect', () => {
        attempts.delete(socket);
        socket.removeAllListeners('error');
        end();
        resolve(socket);
      });
      socket.once('error', (error) => {
        attempts.delete(socket);
        if (next < addresses.length) return attempt();
        if (attempts.size > 0) return;
        end();
        reject(describeError(error));
      });
      if (next < addresses.length) timer = setTimeout(attempt, NEXT_ADDRESS_AFTER_MS);
    };

    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    attempt();
  });
}

function shakeHands(raw: Socket, hostname: string, options: DialOptions, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = upgrade({
      socket: raw,
      host: hostname,
      servername: isIP(hostname) === 0 ? hostname : '',
      ALPNProtocols: options.http1Only === true ? ['http/1.1'] : ['h2', 'http/1.1'],
      secureContext: options.secureContext,
      // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment changes nothing.
      rejectUnauthorized: true,
      session: options.session,
    });
    const end = () => signal.removeEventListener('abort', onAbort);
    const onAbort = () => {
      end();
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort);
    socket.once('secureConnect', () => {
      end();
      if (socket.authorized) return resolve(socket);
      socket.destroy();
      reject(describeTlsError(socket.authorizationError));
    });
    // Never removed, for the same reason as on the raw socket.
    socket.on('error', (error) => {
      end();
      reject(describeTlsError(error));
    });
    if (signal.aborted) onAbort();
  });
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
