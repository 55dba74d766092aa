import { codeOf } from '../../core/error-code';
import { Overloaded } from '../../core/group-commit';
import { Refusal } from '../../core/refusal';
import { TimedOut } from '../../core/timeout';
import { type FieldError, Problem, type ProblemCode, problemOfRefusal } from './problems';

/** SQLSTATE classes and codes that mean "not now": connection trouble, out of resources, shutting down or starting up. */
const PASSING_SQLSTATE = /^(08|53|57P0[1-5]|55P03|40001|40P01|57014)/;
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EPIPE',
]);
/** Messages of the Postgres driver, which has no codes for these errors. */
const DRIVER_MESSAGES =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|not queryable/i;
/** gRPC: deadline exceeded, resource exhausted, unavailable. */
const PASSING_GRPC = new Set([4, 8, 14]);
/** The SQLSTATE of a statement that ran into its timeout. */
const QUERY_CANCELLED = '57014';
const POOL_EXHAUSTED = /timeout exceeded when trying to connect/i;
const MAX_DEPTH = 3;

/** Of a body that Express unpacks. */
const BODY_ERRORS: Readonly<Record<string, ProblemCode>> = {
  'encoding.unsupported': 'unsupported-media-type',
};

/**
 * What the client is told about a thrown error: never its text, unless it was meant for the client.
 *
 * @param placeOf - where in the request the field of this name is; by default the body
 */
export function problemOf(error: unknown, placeOf: (name: string) => FieldError['in'] = () => 'body'): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) return problemOfRefusal(error, placeOf);
  if (isUnavailable(error)) return unavailable(error);
  if (hasProperties(error)) {
    const kind = typeof error.type === 'string' ? BODY_ERRORS[error.type] : undefined;
    if (kind !== undefined) return new Problem(kind);
    // body-parser and Express give the client's errors a status.
    if (error.status === 400) return new Problem('malformed-request');
  }
  return new Problem('internal-error');
}

function unavailable(error: unknown): Problem {
  const detail = detailOf(error);
  return new Problem('unavailable', { headers: { 'retry-after': '1' }, ...(detail === undefined ? {} : { detail }) });
}

function detailOf(error: unknown): string | undefined {
  if (codeOf(error) === QUERY_CANCELLED) return 'This took the database too long: ask for less, or later.';
  const waited = error instanceof Error && POOL_EXHAUSTED.test(error.message);
  return waited ? 'All connections to the database are busy with other requests of this kind.' : undefined;
}

/** Whether an error says that Postgres or Temporal is out of reach or overloaded at the moment. */
export function isUnavailable(error: unknown, depth = 0): boolean {
  if (error instanceof Overloaded || error instanceof TimedOut) return true;
  if (!hasProperties(error) || depth > MAX_DEPTH) return false;
  const { code } = error;
  if (typeof code === 'string' && (NETWORK_CODES.has(code) || PASSING_SQLSTATE.test(code))) return true;
  if (typeof code === 'number' && PASSING_GRPC.has(code)) return true;
  if (error instanceof Error && code === undefined && DRIVER_MESSAGES.test(error.message)) return true;
  return isUnavailable(error.cause, depth + 1);
}

function hasProperties(error: unknown): error is Record<string, unknown> {
  return typeof error === 'object' && error !== null;
}
