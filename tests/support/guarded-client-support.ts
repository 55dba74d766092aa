import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { AddressPolicy } from '../../infra/http/guarded-client';

/** What development uses: plain HTTP, and this machine. */
export const LOOPBACK: AddressPolicy = { allowPrivateNetworks: ['127.0.0.0/8', '::1/128'], allowHttp: true };

/** A server that listens on a free port of the loopback interface. */
export interface Receiver {
  port: number;
  /** Connections accepted since the start. */
  connections: number;
  /** Connections open now. */
  sockets: Set<Socket>;
  close(): Promise<void>;
}

/** Starts any `net`, `tls`, `http`, `https` or `http2` server on a free port. */
export async function listen(server: Server | HttpServer, host = '127.0.0.1', port = 0): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const receiver: Receiver = {
    port: 0,
    connections: 0,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  server.on('connection', (socket: Socket) => {
    receiver.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  receiver.port = (server.address() as AddressInfo).port;
  return receiver;
}

/** A request as it arrived. */
export interface Received {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** An HTTP server that reads the whole request before it answers. */
export function readingServer(answer: (request: Received, response: ServerResponse) => void): HttpServer {
  return createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      answer({ method: message.method ?? '', url: message.url ?? '', headers: message.headers, body }, response);
    });
  });
}

/** Waits until the condition holds, and fails after a few seconds. */
export async function eventually(condition: () => boolean, what: string, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A certificate and its key, PEM. */
export interface Identity {
  cert: string;
  key: string;
}

export interface Authority {
  /** PEM, for `extraCa`. */
  cert: string;
  /** Signs a server certificate for names and IPv4 addresses; an expired one ran out yesterday. */
  issue(names: readonly string[], validity?: 'valid' | 'expired'): Identity;
  /** A certificate for somebody else's key, that says whose it is. */
  certify(publicKey: KeyObject, commonName: string, validity?: 'valid' | 'expired'): string;
  /** A self-signed certificate for names. */
  self(names: readonly string[]): Identity;
}

const DAY_MS = 86_400_000;

/** A certificate authority that lives as long as the test. Written out in DER: a fresh machine may have no openssl. */
export function createAuthority(): Authority {
  const keys = newKeys();
  const name = `Waybill test authority ${randomBytes(4).toString('hex')}`;
  const from = Date.now() - 30 * DAY_MS;
  const until = Date.now() + 30 * DAY_MS;
  const serverExtensions = (names: readonly string[]) => [constraints(false), alternativeNames(names)];
  return {
    cert: certificate({
      subject: name,
      issuer: name,
      publicKey: keys.publicKey,
      signer: keys.privateKey,
      fromMs: from,
      untilMs: until,
      extensions: [constraints(true)],
    }),
    issue: (names, validity = 'valid') => {
      const { publicKey, key } = newKeys();
      const leafUntil = validity === 'valid' ? until : Date.now() - DAY_MS;
      const subject = names[0] ?? '';
      return {
        cert: certificate({
          subject,
          issuer: name,
          publicKey,
          signer: keys.privateKey,
          fromMs: from,
          untilMs: leafUntil,
          extensions: serverExtensions(names),
        }),
        key,
      };
    },
    certify: (publicKey, subject, validity = 'valid') =>
      certificate({
        subject,
        issuer: name,
        publicKey,
        signer: keys.privateKey,
        fromMs: from,
        untilMs: validity === 'valid' ? until : Date.now() - DAY_MS,
        extensions: serverExtensions([subject]),
      }),
    self: (names) => {
      const { publicKey, privateKey, key } = newKeys();
      const subject = names[0] ?? '';
      const own = { subject, issuer: subject, publicKey, signer: privateKey };
      return { cert: certificate({ ...own, fromMs: from, untilMs: until, extensions: serverExtensions(names) }), key };
    },
  };
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject; key: string } {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...keys, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

interface CertificateFields {
  subject: string;
  issuer: string;
  publicKey: KeyObject;
  signer: KeyObject;
  fromMs: number;
  untilMs: number;
  extensions: Buffer[];
}

function certificate(fields: CertificateFields): string {
  const { subject, issuer, publicKey, signer, fromMs, untilMs, extensions } = fields;
  const ecdsaWithSha256 = der(0x30, [oid('2a8648ce3d040302')]);
  const body = der(0x30, [
    der(0xa0, [der(0x02, [Buffer.of(2)])]),
    der(0x02, [Buffer.concat([Buffer.of(1), randomBytes(8)])]),
    ecdsaWithSha256,
    commonName(issuer),
    der(0x30, [time(fromMs), time(untilMs)]),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, [der(0x30, extensions)]),
  ]);
  const signature = der(0x03, [Buffer.of(0), sign('sha256', body, signer)]);
  const base64 = der(0x30, [body, ecdsaWithSha256, signature]).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/(.{64})(?=.)/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
}

function constraints(authority: boolean): Buffer {
  const value = der(0x30, authority ? [der(0x01, [Buffer.of(0xff)])] : []);
  return der(0x30, [oid('551d13'), der(0x01, [Buffer.of(0xff)]), der(0x04, [value])]);
}

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    /^[\d.]+$/.test(name) ? der(0x87, [Buffer.from(name.split('.').map(Number))]) : der(0x82, [Buffer.from(name)]),
  );
  return der(0x30, [oid('551d11'), der(0x04, [der(0x30, entries)])]);
}

function commonName(name: string): Buffer {
  return der(0x30, [der(0x31, [der(0x30, [oid('550403'), der(0x0c, [Buffer.from(name)])])])]);
}

function time(ms: number): Buffer {
  return der(0x18, [Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`)]);
}

function oid(hex: string): Buffer {
  return der(0x06, [Buffer.from(hex, 'hex')]);
}

function der(tag: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
