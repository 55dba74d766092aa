import { codeOf } from '../../core/error-code';
import type { GuardedErrorCode } from './result';

/** A failure already put into words for the endpoint's owner. */
export class GuardedError extends Error {
  override name = 'GuardedError';

  constructor(
    readonly code: GuardedErrorCode,
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}

/** The same sentence for every refusal: it reveals neither which check refused nor what was found. */
export const BLOCKED_DETAIL = 'the address is not allowed';

const CONNECTION: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was reset',
  EPIPE: 'the connection was closed',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  EHOSTDOWN: 'the host cannot be reached',
  ENETDOWN: 'the host cannot be reached',
  EADDRNOTAVAIL: 'the host cannot be reached',
  ETIMEDOUT: 'the host does not answer',
};

const CERTIFICATE = new Set([
  ...[
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_REVOKED',
    'CERT_UNTRUSTED',
    'CERT_REJECTED',
    'CERT_SIGNATURE_FAILURE',
  ],
  ...[
    'CERT_CHAIN_TOO_LONG',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'INVALID_CA',
    'INVALID_PURPOSE',
  ],
  ...['HOSTNAME_MISMATCH', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID'],
]);

/** HTTP/2 codes that mean the receiver is busy or broken, not that the two sides disagree on the protocol. */
const BROKEN_OFF = new Set(['NO_ERROR', 'INTERNAL_ERROR', 'REFUSED_STREAM', 'CANCEL', 'ENHANCE_YOUR_CALM']);

/** HTTP/2's codes by number (RFC 9113): Node names them for streams, and gives the number for connections. */
const HTTP2_CODES = [
  ...['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED'],
  ...['FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM'],
  ...['INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'],
];

/** Maps the errors of sockets, TLS and http2 to the guarded client's codes. */
export function describeError(error: unknown): GuardedError {
  if (error instanceof GuardedError) return error;
  const code = codeOf(error);
  const message = textOf(error, 'message');
  const options = { cause: error };
  const connection = CONNECTION[code];
  if (connection !== undefined) return new GuardedError('connection', connection, options);
  if (isTlsCode(code)) return describeTlsError(error);
  if (code.startsWith('ERR_HTTP2_')) return describeHttp2Error(code, message, options);
  return new GuardedError('connection', 'the connection failed', options);
}

function describeHttp2Error(code: string, message: string, options: ErrorOptions): GuardedError {
  const given = /error code (?:NGHTTP2_)?(\w+)/.exec(message)?.[1] ?? '';
  const name = HTTP2_CODES[Number(given)] ?? given;
  const what = code === 'ERR_HTTP2_SESSION_ERROR' ? 'connection' : 'stream';
  if (code === 'ERR_HTTP2_STREAM_CANCEL' || BROKEN_OFF.has(name)) {
    return new GuardedError('connection', `the receiver broke the HTTP/2 ${what} off`, options);
  }
  if (HTTP2_CODES.includes(name)) return new GuardedError('protocol', `the HTTP/2 ${what} ended with ${name}`, options);
  return new GuardedError('protocol', `HTTP/2 error (${code})`, options);
}

/** For any failure between the TCP connection and the end of the TLS handshake. */
export function describeTlsError(error: unknown): GuardedError {
  const code = codeOf(error);
  const options = { cause: error };
  if (CERTIFICATE.has(code)) return new GuardedError('tls', `the certificate is not accepted (${code})`, options);
  const known = isTlsCode(code) ? ` (${code})` : '';
  return new GuardedError('tls', `the TLS handshake failed${known}`, options);
}

/** For any error of the resolver. */
export function describeResolveError(error: unknown): GuardedError {
  return new GuardedError('dns', 'the host name cannot be resolved', { cause: error });
}

/** Whether the error says that the other side closed or reset the connection. */
export function isConnectionLoss(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(codeOf(error));
}

// Not by `instanceof`: an error may come from another realm.
function textOf(error: unknown, key: 'message' | 'name'): string {
  if (typeof error !== 'object' || error === null || !(key in error)) return '';
  const value = (error as Partial<Record<typeof key, unknown>>)[key];
  return typeof value === 'string' ? value : '';
}

function isTlsCode(code: string): boolean {
  return CERTIFICATE.has(code) || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_');
}
