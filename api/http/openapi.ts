import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { describeProperties, type Glossary } from './openapi-descriptions';
import { giveExamples } from './openapi-examples';
import { registerHeaders } from './openapi-headers';
import { repeats, responsesOf } from './openapi-responses';
import type { Document } from './openapi-types';
import { EVENTS_TAG, type EventDescriptions, registerEvents } from './openapi-webhooks';
import { PROBLEM_PAGE } from './problems';
import type { Route } from './route';

const VERSION = '0.2.0';

const DESCRIPTION = `Durable webhooks on Temporal: publish messages, have them delivered to endpoints, see and repair deliveries.

Send an API key with every request: \`Authorization: Bearer wb_live_…\`. Each call names the scope that its key needs; the
scope \`*\` is every scope but \`admin\`. Errors are \`application/problem+json\` (RFC 9457), explained at [${PROBLEM_PAGE}](${PROBLEM_PAGE}).
Repeat a POST with the same \`Idempotency-Key\` as often as needed: it has its effect once and the first answer is repeated,
for 24 hours. Lists are paged by cursor; every answer carries \`x-request-id\`, and \`RateLimit\` says how many requests are left.
What Waybill tells by itself is under \`webhooks\`.`;

/** What the document is made from. */
export interface DocumentParts {
  routes: readonly Route[];
  scopes: readonly string[];
  /** Waybill's own events. */
  events: EventDescriptions;
  /** What each tag is about. */
  tags: Readonly<Record<string, string>>;
  /** What properties mean that do not say it themselves. */
  glossary: Glossary;
}

/** The OpenAPI 3.1 document of a table of routes. */
export function openApiDocument({ routes, scopes, events, tags, glossary }: DocumentParts) {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description: `An API key. Scopes: ${scopes.map((scope) => `\`${scope}\``).join(', ')}.`,
  });
  registerHeaders(registry);
  for (const route of routes) registerRoute(registry, route);
  registerEvents(registry, events);
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Waybill', version: VERSION, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'The server that this document is from.' }],
    tags: [...new Set([...routes.map((route) => route.tag), EVENTS_TAG])].map((name) => ({
      name,
      ...(tags[name] === undefined ? {} : { description: tags[name] }),
    })),
  });
  describeProperties(document, glossary);
  giveExamples(document);
  for (const item of Object.values(document.paths ?? {})) {
    for (const method of ['get', 'post', 'patch', 'delete'] as const) withoutOptionalExamples(item[method]?.parameters);
  }
  return document;
}

function registerRoute(registry: OpenAPIRegistry, route: Route): void {
  registry.registerPath({
    method: route.method,
    path: route.path,
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, route.scope === undefined ? ANYBODY : `Needs the scope \`${route.scope}\`.`]
      .filter((part) => part !== undefined)
      .join('\n\n'),
    security: route.scope === undefined ? [] : [{ apiKey: [route.scope] }],
    request: {
      ...(route.params === undefined ? {} : { params: route.params }),
      ...(route.query === undefined ? {} : { query: route.query }),
      ...headersOf(route),
      ...(route.body === undefined ? {} : { body: bodyOf(route, route.body) }),
    },
    responses: responsesOf(route),
  });
}

const ANYBODY = 'Needs no API key.';
const KEY_DESCRIPTION =
  'A new UUID v4 for each request, bare or in double quotes. A second request with the same key has no further effect and is ' +
  'answered as the first was, for 24 hours.';
/** No `format`: generators of clients make an object of a UUID, which their HTTP libraries cannot send as a header. */
const idempotencyKey = z.string().meta({
  description: KEY_DESCRIPTION,
  pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$',
  example: '6f1d2c3b-8a4e-4f5a-9b6c-7d8e9f0a1b2c',
});

function headersOf(route: Route): { headers?: z.ZodObject } {
  const shape = documentedHeaders(route);
  if (!repeats(route)) return route.headers === undefined ? {} : { headers: z.object(shape) };
  const key = route.idempotency === 'optional' ? idempotencyKey.optional() : idempotencyKey;
  return { headers: z.object({ ...shape, 'idempotency-key': key }) };
}

/** OpenAPI ignores a parameter of this name: the body's media types say what it may be. */
function documentedHeaders({ headers }: Route): z.ZodRawShape {
  const { 'content-type': _type, ...shape } = headers?.shape ?? {};
  return shape;
}

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
  const { streamed } = route;
  return {
    // What is streamed is needed, whatever its route takes of other types.
    required: streamed !== undefined || !schema.safeParse(undefined).success,
    content: Object.fromEntries(types.map((type) => [type, { schema: streamed?.[type] ?? schema }])),
  };
}
