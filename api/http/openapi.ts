import { OpenAPIRegistry, OpenApiGeneratorV31, type ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { PROBLEM_PAGE, PROBLEM_TYPE, PROBLEMS, type ProblemCode } from './problems';
import { type Route, takesBody } from './route';

const VERSION = '0.2.0';

/** An error in an answer. */
export const problemSchema = z
  .object({
    type: z
      .string()
      .meta({ description: 'Where this kind of error is explained.', example: `${PROBLEM_PAGE}#not-found` }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What to do about it.' }),
    instance: z.string().meta({ description: 'The requested path.' }),
    request_id: z.string(),
    errors: z
      .array(
        z.object({
          in: z.enum(['body', 'query', 'header', 'path']),
          pointer: z.string().meta({ description: 'JSON Pointer as a URI fragment.', example: '#/retry/schedule/0' }),
          detail: z.string(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem', description: 'An error in the form of RFC 9457.' });

const DESCRIPTION = `Durable webhooks on Temporal: publish messages, have them delivered to endpoints, see and repair deliveries.

Send an API key with every request: \`Authorization: Bearer wb_live_…\`. Each call names the scope that its key needs; the
scope \`*\` is every scope but \`admin\`. Errors are \`application/problem+json\` (RFC 9457), explained at [${PROBLEM_PAGE}](${PROBLEM_PAGE}).
Repeat a POST with the same \`Idempotency-Key\` as often as needed: it has its effect once and the first answer is repeated,
for 24 hours. Lists are paged by cursor; every answer carries \`x-request-id\`, and \`RateLimit\` says how many requests are left.`;

/** The OpenAPI 3.1 document of a table of routes. */
export function openApiDocument(routes: readonly Route[], scopes: readonly string[]) {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description: `An API key. Scopes: ${scopes.map((scope) => `\`${scope}\``).join(', ')}.`,
  });
  for (const route of routes) {
    registry.registerPath({
      method: route.method,
      path: route.path,
      operationId: route.operationId,
      tags: [route.tag],
      summary: route.summary,
      description: [route.description, route.scope === undefined ? undefined : `Needs the scope \`${route.scope}\`.`]
        .filter((part) => part !== undefined)
        .join('\n\n'),
      security: route.scope === undefined ? [] : [{ apiKey: [route.scope] }],
      request: {
        ...(route.params === undefined ? {} : { params: route.params }),
        ...(route.query === undefined ? {} : { query: route.query }),
        ...headersOf(route),
        ...(route.body === undefined ? {} : { body: bodyOf(route, route.body) }),
      },
      responses: { ...successesOf(route), ...problemsOf(route) },
    });
  }
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Waybill', version: VERSION, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
  });
  for (const item of Object.values(document.paths ?? {})) {
    for (const method of ['get', 'post', 'patch', 'delete'] as const) withoutOptionalExamples(item[method]?.parameters);
  }
  return document;
}

/** Whether the adapter handles idempotency keys for this route. */
function repeats({ idempotency }: Route): boolean {
  return idempotency === 'required' || idempotency === 'optional' || idempotency === 'kept';
}

const KEY_DESCRIPTION =
  'A new UUID v4 for each request, bare or in double quotes. A second request with the same key has no further effect and is ' +
  'answered as the first was, for 24 hours.';
const idempotencyKey = z.uuidv4().meta({ description: KEY_DESCRIPTION });
const REPLAYED = { 'Idempotent-Replayed': '`true` on the repeated answer to an earlier request with the same key.' };

function headersOf(route: Route): { headers?: z.ZodObject } {
  if (!repeats(route)) return route.headers === undefined ? {} : { headers: route.headers };
  const key = route.idempotency === 'optional' ? idempotencyKey.optional() : idempotencyKey;
  return { headers: z.object({ ...route.headers?.shape, 'idempotency-key': key }) };
}

type Document = ReturnType<OpenApiGeneratorV31['generateDocument']>;
type Parameters = NonNullable<NonNullable<NonNullable<Document['paths']>[string]['get']>['parameters']>;

/** Swagger UI sends an optional parameter's example with every trial, where it is a filter that finds nothing. */
function withoutOptionalExamples(parameters: Parameters = []): void {
  for (const parameter of parameters) {
    if ('$ref' in parameter || parameter.required === true) continue;
    const { schema } = parameter;
    if (schema !== undefined && !('$ref' in schema)) delete schema.example;
  }
}

function bodyOf(route: Route, schema: z.ZodType) {
  const types = route.mediaTypes ?? ['application/json'];
  return {
    required: !schema.safeParse(undefined).success,
    content: Object.fromEntries(types.map((type) => [type, { schema }])),
  };
}

function successesOf(route: Route): Record<string, ResponseConfig> {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, { description, body, contentType, formats, headers }]) => [
      status,
      {
        description,
        ...(body === undefined ? {} : { content: { [contentType ?? 'application/json']: { schema: body } } }),
        ...(formats === undefined ? {} : { content: contentOf(formats) }),
        ...describeHeaders({ ...headers, ...(repeats(route) ? REPLAYED : {}) }),
      },
    ]),
  );
}

function contentOf(formats: Readonly<Record<string, z.ZodType>>) {
  return Object.fromEntries(Object.entries(formats).map(([type, schema]) => [type, { schema }]));
}

function describeHeaders(headers: Readonly<Record<string, string>>): Pick<ResponseConfig, 'headers'> {
  const described = Object.entries(headers).map(
    ([name, description]) => [name, { description, schema: { type: 'string' as const } }] as const,
  );
  return described.length === 0 ? {} : { headers: Object.fromEntries(described) };
}

/** Every error that a route may answer with, one entry per status. */
function problemsOf(route: Route): Record<string, ResponseConfig> {
  const codes: ProblemCode[] = [
    'malformed-request',
    'request-timeout',
    'uri-too-long',
    'headers-too-large',
    'internal-error',
  ];
  if (route.scope !== undefined)
    codes.push('unauthenticated', 'insufficient-scope', 'rate-limited', 'unavailable', 'validation-failed');
  if (route.params !== undefined) codes.push('not-found');
  if (route.headers !== undefined) codes.push('invalid-header');
  if (takesBody(route)) codes.push('malformed-json', 'duplicate-member', 'content-too-large', 'unsupported-media-type');
  if (route.idempotency === 'required' || route.idempotency === 'kept') codes.push('idempotency-key-missing');
  if (repeats(route)) codes.push('idempotency-key-malformed', 'idempotency-key-reuse');
  if (repeats(route) && route.idempotency !== 'kept') codes.push('idempotency-key-in-use');
  codes.push(...(route.problems ?? []));
  const repeated = new Set<number>(repeats(route) ? route.problems?.map((code) => PROBLEMS[code].status) : []);
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes)) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, kinds]) => [
      String(status),
      {
        description: kinds.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('; '),
        content: { [PROBLEM_TYPE]: { schema: problemSchema } },
        ...(repeated.has(status) ? describeHeaders(REPLAYED) : {}),
      },
    ]),
  );
}
