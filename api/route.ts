import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { PublicId } from '../core/ids';
import type { Logger } from '../infra/log';
import type { Principal } from './auth/authenticator';
import type { Scope, ScopeSet } from './auth/scopes';
import { Problem, type ProblemCode } from './problems';
import { fieldErrors } from './validation';

/** What every handler knows of its request. */
export interface RequestContext {
  requestId: string;
  /** A logger that names the request. */
  log: Logger;
}

/** What the handler of a route that needs an API key knows of its request. */
export interface TenantContext extends RequestContext {
  tenantId: PublicId;
  keyId: PublicId;
  scopes: ScopeSet;
}

/** An answer that a route may give. */
export interface ResponseSpec {
  description: string;
  /** The body's schema; without it the answer has no body. */
  body?: z.ZodType;
  /** Default `application/json`. A body of another type is text. */
  contentType?: string;
  /** Response headers and what they say. */
  headers?: Readonly<Record<string, string>>;
}

type Responses = Readonly<Record<number, ResponseSpec>>;

type BodyOf<S extends ResponseSpec> = S extends { body: infer B extends z.ZodType }
  ? { body: z.input<B> }
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
}

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** What there is to know of a route apart from what it reads. */
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
  /** The JSON body; one whose schema takes `undefined` is optional. */
  body?: B;
  /** Media types of the body; default `application/json`. */
  mediaTypes?: readonly string[];
}

/** A request as the HTTP adapter gives it. */
export interface RawInput {
  params: unknown;
  query: unknown;
  headers: IncomingHttpHeaders;
  body: unknown;
}

/** An answer as the HTTP adapter takes it. */
export interface RouteResult {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A route of the table that both the Express routes and the OpenAPI document are made from. */
export interface Route extends Description, Schemas {
  /** The scope that the API key needs; `undefined` for routes that anybody may use. */
  scope: Scope | undefined;
  /** @param principal - whose key it is; absent where no scope is needed */
  run(raw: RawInput, request: RequestContext, principal: Principal | undefined): Promise<RouteResult>;
}

const NOTHING = z.strictObject({});
const ANYTHING = z.object({});
const NO_BODY = z.unknown();

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
      scope: Scope;
      handler(input: Input<P, Q, H, B>, context: TenantContext): Promise<ResultOf<NoInfer<R>>>;
    },
): Route {
  const parse = parser(spec);
  const { handler, ...description } = spec;
  return {
    ...description,
    run: async (raw, request, principal) => {
      if (principal === undefined) throw new Problem('unauthenticated');
      return handler(parse(raw), tenantContext(request, principal));
    },
  };
}

/** Defines a route that anybody may use. */
export function publicRoute<R extends Responses>(
  spec: Description<R> & { handler(context: RequestContext): Promise<ResultOf<NoInfer<R>>> },
): Route {
  const { handler, ...description } = spec;
  return { ...description, scope: undefined, run: (_raw, request) => handler(request) };
}

function tenantContext(request: RequestContext, { tenantId, keyId, scopes }: Principal): TenantContext {
  return {
    requestId: request.requestId,
    get log() {
      return request.log;
    },
    tenantId,
    keyId,
    scopes,
  };
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
    if (!parsedParams.success) throw new Problem('not-found');
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
    return { params: parsedParams.data, query: parsedQuery.data, headers: parsedHeaders.data, body: parsedBody.data };
  };
}
