import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { newId, type PublicId } from '../../core/ids';
import type { RawJson } from '../../core/json/raw-json';
import type { Principal, ScopeSet } from '../../domains/accounts';
import type { Logger } from '../../infra/log';
import type { Effect, Fence } from '../../infra/postgres/effect';
import { Problem, type ProblemCode } from './problems';
import { fieldErrors } from './validation';

/** What every handler knows about its request. */
export interface RequestContext {
  requestId: string;
  /** A logger that names the request. */
  log: Logger;
}

/** What the handler of a route that needs an API key knows about its request. */
export interface TenantContext extends RequestContext, Effect {
  /** The `Idempotency-Key` of a route that keeps it: a UUID; empty elsewhere. */
  requestKey: string;
  keyId: PublicId;
  scopes: ScopeSet;
  /** Counts a request that does the work of many as so many more against the tenant's rate. */
  charge(requests: number): void;
}

/** An answer that a route may give. */
export interface ResponseSpec {
  description: string;
  /** The body's schema; without it the answer has no body. */
  body?: z.ZodType;
  /** Default `application/json`. A body of another type is text, whole or as an `AsyncIterable` of its pieces. */
  contentType?: string;
  /**
   * Media types among which the handler chooses by `contentType`, each with its schema, instead of `body`. The body is
   * text in UTF-8, whole or as an `AsyncIterable` of its pieces.
   */
  formats?: Readonly<Record<string, z.ZodType>>;
  /** Response headers and what they say. */
  headers?: Readonly<Record<string, string>>;
}

type Responses = Readonly<Record<number, ResponseSpec>>;

/** JSON may be given as its text; text of another media type may come piece by piece. */
type BodyOf<S extends ResponseSpec> = S extends { formats: infer F extends Readonly<Record<string, z.ZodType>> }
  ? { contentType: keyof F & string; body: string | AsyncIterable<string> }
  : S extends { body: infer B extends z.ZodType }
    ? { body: z.input<B> | RawJson | (S extends { contentType: string } ? AsyncIterable<string> : never) }
    : { body?: never };

/** The answers that fit a route's responses. */
export type ResultOf<R extends Responses> = {
  [S in keyof R & number]: { status: S; headers?: Record<string, string> } & BodyOf<R[S]>;
}[keyof R & number];

/** A handler's input, parsed. */
export interface Input<P extends z.ZodType, Q extends z.ZodType, H extends z.ZodType, B extends z.ZodType> {
  params: z.output<P>;
  query: z.output<Q>;
  headers: z.output<H>;
  body: z.output<B>;
  /** Of a media type that is streamed: the body's chunks. */
  stream: AsyncIterable<Uint8Array> | undefined;
}

export type Method = 'get' | 'post' | 'patch' | 'delete';

/**
 * How a route treats the header `Idempotency-Key`. With `required` and `optional`, a request with a key is executed
 * once and its answer is stored and repeated (see `api/http/idempotency`). `kept`: one is required, and the
 * handler keeps it with what the request makes, so that a repetition is answered with that as it is. `own`: the handler
 * deals with the header itself.
 */
export type IdempotencyPolicy = 'required' | 'optional' | 'kept' | 'own';

/** Everything about a route except what it reads. */
interface Description<R extends Responses = Responses> {
  method: Method;
  /** As OpenAPI writes it: `/v1/endpoints/{id}`. */
  path: string;
  /** The name that clients generated from the document give the call. */
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  responses: R;
  /** Default: `optional` for POST, else the header is ignored. */
  idempotency?: IdempotencyPolicy;
  /**
   * Whether the answer holds a secret that is shown once. It is then repeated only to an API key with all scopes of the one
   * that asked first: another key of the tenant may have fewer rights.
   */
  answersSecret?: boolean;
  /** Errors beyond those that every route of its kind may answer with. */
  problems?: readonly ProblemCode[];
}

/** What a route reads of a request. */
interface Schemas<P = z.ZodObject, Q = z.ZodObject, H = z.ZodObject, B = z.ZodType> {
  /** Values in the path. One that does not fit is answered 404. */
  params?: P;
  /** Query parameters, a strict object. */
  query?: Q;
  /** Headers that the route reads, in lower case. */
  headers?: H;
  /** The body; one whose schema takes `undefined` is optional. JSON is parsed, any other media type is text. */
  body?: B;
  /** Media types of the body; default `application/json`. */
  mediaTypes?: readonly string[];
  /** Whether even a JSON body is left as the text that was sent, for example to check its signature. */
  bodyAsText?: boolean;
  /**
   * Whether the body, of whatever type and encoding, is left as the bytes that were sent: a `Buffer`, empty without one.
   * The handler gets the client's address with it.
   */
  bodyAsBytes?: boolean;
  /**
   * Media types, each with its schema for the document, whose body the handler reads itself as it arrives, so that no more
   * than a part of it is in memory: it is `stream` then, and `body` is undefined.
   */
  streamed?: Readonly<Record<string, z.ZodType>>;
  /** Largest body in bytes that is streamed. */
  maxStreamedBytes?: number;
  /** `any`: text may be in another charset than UTF-8, see {@link decodeText}. */
  bodyCharset?: 'any';
  /** Members of a JSON body that arrive as {@link RawJson}: the text that was sent. */
  rawMembers?: readonly string[];
  /** Largest body in bytes, where the API's configured limit does not fit. */
  maxBodyBytes?: number;
}

/** A request as the HTTP adapter gives it. */
export interface RawInput {
  params: unknown;
  query: unknown;
  headers: IncomingHttpHeaders;
  body: unknown;
  /** The text of a JSON body. */
  json?: string;
  /** The chunks of a body of a type that is streamed. */
  stream?: AsyncIterable<Uint8Array>;
  /** Of a route with `bodyAsBytes`: whom limits by address count, as `api/http/client-address.ts` groups them. */
  address?: string;
}

/** An answer as the HTTP adapter takes it. */
export interface RouteResult {
  status: number;
  headers?: Record<string, string>;
  /** The media type of this body, for a route that has several. */
  contentType?: string;
  body?: unknown;
}

/** The id of a request's effect, and the hold on the request. */
export interface EffectHold {
  id: PublicId;
  fence: Fence;
}

/** One execution of a request. */
export interface Execution {
  request: RequestContext;
  /** Whose key it is; absent where no scope is needed. */
  principal: Principal | undefined;
  /** Absent for a request without an idempotency key. */
  effect: EffectHold | undefined;
  /** The idempotency key of a route that keeps it. */
  requestKey?: string | undefined;
  /** See {@link TenantContext.charge}. */
  charge?: ((requests: number) => void) | undefined;
}

/** A request that fits its route's schemas, ready to be executed. */
export type Execute = (execution: Execution) => Promise<RouteResult>;

/** A route of the table that both the Express routes and the OpenAPI document are made from. */
export interface Route extends Description, Schemas {
  /** The scope that the API key needs, one of its domain's; `undefined` for routes that anybody may use. */
  scope: string | undefined;
  /** @throws Problem when the request does not fit the schemas */
  prepare(raw: RawInput): Execute;
}

const NOTHING = z.strictObject({});
const ANYTHING = z.object({});
/** A route that takes no body refuses fields instead of ignoring them. */
const NO_BODY = z.strictObject({}).optional();

/** Whether a request of this route may have a body; otherwise it is not read. */
export function takesBody({ method }: Pick<Route, 'method'>): boolean {
  return method !== 'get' && method !== 'delete';
}

function misread({ issues }: z.ZodError): string {
  return `Nothing has such a path: ${issues.map(({ path, message }) => `{${path.join('.')}} – ${message}`).join('; ')}.`;
}

/** Defines a route that needs an API key with a scope. */
export function route<
  R extends Responses,
  P extends z.ZodObject = typeof NOTHING,
  Q extends z.ZodObject = typeof NOTHING,
  H extends z.ZodObject = typeof ANYTHING,
  B extends z.ZodType = typeof NO_BODY,
>(
  spec: Description<R> &
    Schemas<P, Q, H, B> & {
      scope: string;
      handler(input: Input<P, Q, H, B>, context: TenantContext): Promise<ResultOf<NoInfer<R>>>;
    },
): Route {
  const parse = parser(spec);
  const { handler, ...description } = spec;
  return {
    ...description,
    ...idempotencyOf(spec),
    prepare: (raw) => {
      const input = parse(raw);
      return async ({ request, principal, effect, requestKey, charge }) => {
        if (principal === undefined) throw new Problem('unauthenticated');
        return handler(input, new OneExecution(request, principal, { effect, requestKey, charge }));
      };
    },
  };
}

/** Defines a route that anybody may use. */
export function publicRoute<R extends Responses>(
  spec: Description<R> &
    Pick<Schemas, 'headers'> & {
      handler(context: RequestContext, headers: IncomingHttpHeaders): Promise<ResultOf<NoInfer<R>>>;
    },
): Route {
  const { handler, ...description } = spec;
  return {
    ...description,
    scope: undefined,
    prepare:
      ({ headers }) =>
      ({ request }) =>
        handler(request, headers),
  };
}

function idempotencyOf({ method, idempotency }: Pick<Description, 'method' | 'idempotency'>) {
  if (idempotency !== undefined) return { idempotency };
  return method === 'post' ? { idempotency: 'optional' as const } : {};
}

const NO_FENCE: Fence = async () => {};
const NO_CHARGE = () => {};

/** A class, because an object with getters of its own is made slowly. */
class OneExecution implements TenantContext {
  readonly tenantId: PublicId;
  readonly keyId: PublicId;
  readonly scopes: ScopeSet;
  readonly fence: Fence;
  readonly requestKey: string;
  readonly charge: (requests: number) => void;
  private id: PublicId | undefined;

  constructor(
    private readonly request: RequestContext,
    { tenantId, keyId, scopes }: Principal,
    { effect, requestKey = '', charge = NO_CHARGE }: Pick<Execution, 'effect' | 'requestKey' | 'charge'>,
  ) {
    this.requestKey = requestKey;
    this.charge = charge;
    this.tenantId = tenantId;
    this.keyId = keyId;
    this.scopes = scopes;
    this.fence = effect?.fence ?? NO_FENCE;
    this.id = effect?.id;
  }

  get requestId(): string {
    return this.request.requestId;
  }

  get log(): Logger {
    return this.request.log;
  }

  get effectId(): PublicId {
    this.id ??= newId('eff');
    return this.id;
  }
}

function parser<P extends z.ZodObject, Q extends z.ZodObject, H extends z.ZodObject, B extends z.ZodType>(
  spec: Schemas<P, Q, H, B>,
): (raw: RawInput) => Input<P, Q, H, B> {
  const params = (spec.params ?? NOTHING) as P;
  const query = (spec.query ?? NOTHING) as Q;
  const headers = (spec.headers ?? ANYTHING) as H;
  const body = (spec.body ?? NO_BODY) as B;
  return (raw) => {
    const parsedParams = params.safeParse(raw.params);
    if (!parsedParams.success) throw new Problem('not-found', { detail: misread(parsedParams.error) });
    const parsedHeaders = headers.safeParse(raw.headers);
    if (!parsedHeaders.success) {
      throw new Problem('invalid-header', { errors: fieldErrors('header', parsedHeaders.error, raw.headers) });
    }
    const parsedQuery = query.safeParse(raw.query);
    const parsedBody = body.safeParse(raw.body);
    if (!parsedQuery.success || !parsedBody.success) {
      throw new Problem('validation-failed', {
        errors: [
          ...(parsedQuery.success ? [] : fieldErrors('query', parsedQuery.error, raw.query)),
          ...(parsedBody.success ? [] : fieldErrors('body', parsedBody.error, raw.body)),
        ],
      });
    }
    return {
      params: parsedParams.data,
      query: parsedQuery.data,
      headers: parsedHeaders.data,
      body: parsedBody.data,
      stream: raw.stream,
    };
  };
}
