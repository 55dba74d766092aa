import type { Refusal, RefusalKind } from '../../core/refusal';
import { etag } from './etag';

/** A kind of error the API answers with. `title` and `help` also make the page that `type` points to. */
interface ProblemKind {
  status: number;
  title: string;
  /** What to do about it; the `detail` of a problem that has nothing more exact to say. */
  help: string;
}

/** Every error of the API, by its stable code. */
export const PROBLEMS = {
  'malformed-request': {
    status: 400,
    title: 'The request cannot be read',
    help: 'Send a valid HTTP request: its path properly percent-encoded, its body in UTF-8.',
  },
  'malformed-json': {
    status: 400,
    title: 'The body is not valid JSON',
    help: 'Send one JSON value, encoded in UTF-8.',
  },
  'duplicate-member': {
    status: 400,
    title: 'The body names a member twice',
    help: 'Name each member of an object once: of two values nobody can say which one was meant.',
  },
  'invalid-header': {
    status: 400,
    title: 'A header is not valid',
    help: 'Correct the headers listed in "errors".',
  },
  'idempotency-key-missing': {
    status: 400,
    title: 'An idempotency key is needed',
    help: 'Send the header "Idempotency-Key" with a new UUID v4, and the same one when you repeat the request.',
  },
  'idempotency-key-malformed': {
    status: 400,
    title: 'The idempotency key is not a UUID v4',
    help: 'Send a UUID v4 such as 6f1d2c3b-8a4e-4f5a-9b6c-7d8e9f0a1b2c, bare or in double quotes.',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid API key is needed',
    help: 'Send the header "Authorization: Bearer wb_live_…" with a key that has neither expired nor been revoked.',
  },
  'signature-refused': {
    status: 401,
    title: 'A valid signature is needed',
    help: 'Sign the body as Standard Webhooks says, with the secret that was agreed on and the time of sending.',
  },
  'insufficient-scope': {
    status: 403,
    title: 'The API key may not do this',
    help: 'Use a key that has the named scope.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    help: 'Check the path and the id, and that the API key belongs to the tenant that owns it.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This path does not have that method',
    help: 'Use one of the methods in the Allow header.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'It was not carried out: send it again, faster or smaller.',
  },
  'already-exists': {
    status: 409,
    title: 'It exists already',
    help: 'Choose another name, or change the existing one.',
  },
  'wrong-state': {
    status: 409,
    title: 'Its state does not allow this',
    help: 'Read it again: its state has changed, or the command does not apply to it.',
  },
  'attempt-in-flight': {
    status: 409,
    title: 'An attempt is under way',
    help: 'Wait for the attempt to end, then repeat the request if it is still wanted.',
  },
  'idempotency-key-in-use': {
    status: 409,
    title: 'The request with this idempotency key is being executed',
    help: 'Repeat it after the seconds in Retry-After: it is then answered as the first one was.',
  },
  gone: {
    status: 410,
    title: 'It is no longer there',
    help: 'Ask for a new one.',
  },
  'precondition-failed': {
    status: 412,
    title: 'It has changed meanwhile',
    help: 'Read it again, and repeat the change with the ETag that it has now, if it is still wanted.',
  },
  'content-too-large': {
    status: 413,
    title: 'The body is too large',
    help: 'Send a smaller body.',
  },
  'uri-too-long': {
    status: 414,
    title: 'The address is too long',
    help: 'Send a shorter path and query.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is of the wrong kind',
    help: 'Send JSON with the header "Content-Type: application/json".',
  },
  'expectation-failed': {
    status: 417,
    title: 'What the header Expect asks for is not known',
    help: 'Leave the header out, or send "Expect: 100-continue".',
  },
  'period-open': {
    status: 422,
    title: 'The day is not over',
    help: 'Ask again when the business day has ended; without a date the last day that is over is meant.',
  },
  'validation-failed': {
    status: 422,
    title: 'The request does not fit its schema',
    help: 'Correct what "errors" lists; each entry points to a value.',
  },
  'idempotency-key-reuse': {
    status: 422,
    title: 'The idempotency key was used for another request',
    help: 'Use a new key for a new request; repeat a request unchanged.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    help: 'Wait for the seconds in Retry-After, then go on more slowly.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large',
    help: 'Send fewer or shorter headers.',
  },
  'internal-error': {
    status: 500,
    title: 'Something went wrong on our side',
    help: 'Repeat the request later. If it happens again, report the request_id.',
  },
  unavailable: {
    status: 503,
    title: 'A server that is needed cannot be reached',
    help: 'Nothing was answered for, but it may have happened: repeat the request after the seconds in Retry-After.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One thing that is wrong with a request. */
export interface FieldError {
  in: 'body' | 'query' | 'header' | 'path';
  /** JSON Pointer as a URI fragment, such as `#/retry/schedule/0`; for a query, header or path, `#/` and the name. */
  pointer: string;
  detail: string;
}

export interface ProblemOptions {
  /** What exactly is wrong and what to do; by default the kind's general help. Never holds a secret. */
  detail?: string;
  errors?: readonly FieldError[];
  /** Further response headers. */
  headers?: Readonly<Record<string, string>>;
}

/** Ends a request with an error that the client is told about. */
export class Problem extends Error {
  override name = 'Problem';

  constructor(
    readonly code: ProblemCode,
    readonly options: ProblemOptions = {},
  ) {
    super(options.detail ?? PROBLEMS[code].help);
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** The error that answers each kind of refusal. */
const REFUSED = {
  'not-found': 'not-found',
  gone: 'gone',
  'already-exists': 'already-exists',
  'wrong-state': 'wrong-state',
  outdated: 'precondition-failed',
  busy: 'attempt-in-flight',
  invalid: 'validation-failed',
  'too-early': 'period-open',
  forbidden: 'insufficient-scope',
  'key-reuse': 'idempotency-key-reuse',
} as const satisfies Record<RefusalKind, ProblemCode>;

/**
 * What the client is told about a domain's refusal.
 *
 * @param placeOf - where in the request the field of this name is
 */
export function problemOfRefusal(refusal: Refusal, placeOf: (name: string) => FieldError['in']): Problem {
  const { kind, message, options } = refusal;
  const { field, retryAfterSeconds, scope, version } = options;
  const headers = {
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(version === undefined ? {} : etag({ version })),
    ...(scope === undefined ? {} : scopeChallenge(scope)),
  };
  const [name] = field ?? [];
  if (field !== undefined && name !== undefined) {
    const error = { in: placeOf(name), pointer: `#/${field.join('/')}`, detail: message };
    return new Problem(REFUSED[kind], { errors: [error], headers });
  }
  return new Problem(REFUSED[kind], { ...(message === '' ? {} : { detail: message }), headers });
}

/** The header that says which scope an API key lacks (RFC 6750). */
export function scopeChallenge(scope: string): Record<string, string> {
  return { 'www-authenticate': `Bearer realm="waybill", error="insufficient_scope", scope="${scope}"` };
}

/** A problem with one field. */
export function invalidField(at: FieldError['in'], pointer: string, detail: string): Problem {
  return new Problem('validation-failed', { errors: [{ in: at, pointer, detail }] });
}

/** The media type of every error body (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

/** The page that explains the errors, relative to the API. */
export const PROBLEM_PAGE = '/docs/problems';

/** The error's body in the form of RFC 9457. */
export function problemBody(problem: Problem, instance: string, requestId: string): string {
  const { title, status } = PROBLEMS[problem.code];
  return JSON.stringify({
    type: `${PROBLEM_PAGE}#${problem.code}`,
    title,
    status,
    detail: problem.message,
    instance,
    request_id: requestId,
    errors: problem.options.errors,
  });
}
