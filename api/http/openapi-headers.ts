import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { ETAG } from './etag';
import type { ProblemCode } from './problems';
import type { Route } from './route';

/** Headers of answers that mean the same wherever they are. */
const SHARED = {
  'X-Request-Id': {
    description: 'Names the request in the logs: what the request sent in this header, else a new UUID.',
    example: '051686c6-7db1-44f0-9a60-940eb23f90fe',
  },
  RateLimit: {
    description: 'How many requests are left (`r`), and in how many seconds all are back (`t`).',
    example: '"default";r=1999;t=1',
  },
  'RateLimit-Policy': {
    description: 'The limit: so many requests (`q`) in so many seconds (`w`).',
    example: '"default";q=2000;w=1',
  },
  'Retry-After': { description: 'Seconds to wait before the request is repeated.', example: '1' },
  'WWW-Authenticate': {
    description: 'How to authenticate, and what is missing (RFC 6750).',
    example: 'Bearer realm="waybill"',
  },
  Accept: { description: 'The media types that the body may have.', example: 'application/json' },
  ETag: { description: ETAG.ETag, example: '"7"' },
  'Idempotent-Replayed': {
    description: '`true` on the repeated answer to an earlier request with the same key.',
    example: 'true',
  },
} as const;

type SharedHeader = keyof typeof SHARED;

/** Headers as a response of the document has them. */
export type Headers = Record<string, { $ref: string } | { description: string; schema: { type: 'string' } }>;

/** Describes the headers that answers share, for {@link headersOfAnswer} to point to. */
export function registerHeaders(registry: OpenAPIRegistry): void {
  for (const [name, { description, example }] of Object.entries(SHARED)) {
    registry.registerComponent('headers', name, { description, schema: { type: 'string' }, example });
  }
}

/** Errors whose answers may say when to ask again. */
const RETRYABLE: readonly ProblemCode[] = [
  'rate-limited',
  'unavailable',
  'idempotency-key-in-use',
  'attempt-in-flight',
  'wrong-state',
];
const CHALLENGED: readonly ProblemCode[] = ['unauthenticated', 'insufficient-scope'];

/**
 * The headers of an answer: those that every answer has, those of its errors, and its own.
 *
 * @param own - further ones, and what each says
 */
export function headersOfAnswer(
  route: Pick<Route, 'scope'>,
  codes: readonly ProblemCode[],
  own: Readonly<Record<string, string>>,
): Headers {
  const names: SharedHeader[] = ['X-Request-Id'];
  const authenticated = route.scope !== undefined && !codes.includes('unauthenticated');
  if (authenticated) names.push('RateLimit', 'RateLimit-Policy');
  if (codes.some((code) => RETRYABLE.includes(code))) names.push('Retry-After');
  if (codes.some((code) => CHALLENGED.includes(code))) names.push('WWW-Authenticate');
  if (codes.includes('unsupported-media-type')) names.push('Accept');
  if (codes.includes('precondition-failed')) names.push('ETag');
  const shared = names.map((name) => [name, referTo(name)] as const);
  const further = Object.entries(own).map(
    ([name, description]) =>
      [
        name,
        isShared(name, description) ? referTo(name) : { description, schema: { type: 'string' as const } },
      ] as const,
  );
  return Object.fromEntries([...shared, ...further]);
}

function isShared(name: string, description: string): boolean {
  return Object.hasOwn(SHARED, name) && SHARED[name as SharedHeader].description === description;
}

function referTo(name: string): { $ref: string } {
  return { $ref: `#/components/headers/${name}` };
}
