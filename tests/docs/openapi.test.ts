import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { SYSTEM_EVENT_TYPES } from '../../domains/webhooks';
import { makeDocument } from '../../infra/setup/openapi-document';

interface Schema {
  description?: string;
  example?: unknown;
  pattern?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  enum?: string[];
  oneOf?: { $ref?: string }[];
  discriminator?: { propertyName: string; mapping?: Record<string, string> };
}

interface Operation {
  operationId: string;
  security: object[];
  parameters?: { name: string; in: string; description?: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: { $ref?: string } & Schema }> };
  responses: Record<string, { headers?: Record<string, { $ref?: string }> }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, { post: Operation }>;
  components: { schemas: Record<string, Schema>; headers: Record<string, object> };
}

let document: Document;
let operations: { path: string; method: string; call: Operation }[];
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);

beforeAll(async () => {
  document = JSON.parse(JSON.stringify(await makeDocument()));
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, call]) => ({ path, method, call })),
  );
  ajv.addSchema({ ...document, $id: 'openapi' });
});

/** Every object of the document that describes properties, with its place. */
function* schemasIn(value: unknown, place: string): Generator<[string, Schema]> {
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) yield* schemasIn(inner, `${place}/${index}`);
  } else if (typeof value === 'object' && value !== null) {
    if ('properties' in value || 'oneOf' in value || 'anyOf' in value) yield [place, value as Schema];
    for (const [key, inner] of Object.entries(value)) {
      if (!['example', 'default'].includes(key)) yield* schemasIn(inner, `${place}/${key}`);
    }
  }
}

test('every property and every parameter is described', () => {
  const silent = [...schemasIn(document, '')].flatMap(([place, { properties }]) =>
    Object.entries(properties ?? {})
      .filter(([, { description }]) => description === undefined)
      .map(([name]) => `${place}: ${name}`),
  );
  expect(silent).toEqual([]);
  const parameters = operations.flatMap(({ call }) => call.parameters ?? []);
  expect(parameters.filter(({ description }) => description === undefined).map(({ name }) => name)).toEqual([]);
});

test('every schema has an example that fits it', () => {
  const wrong: string[] = [];
  for (const [name, { example }] of Object.entries(document.components.schemas)) {
    const validate = ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
    if (example === undefined || !validate(example)) {
      wrong.push(`${name}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(example)}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('every union of objects is told apart by one of their properties, or has named parts', () => {
  for (const [place, { oneOf, discriminator }] of schemasIn(document, '')) {
    if (oneOf === undefined) continue;
    expect([place, oneOf.map(({ $ref }) => $ref)]).toEqual([place, oneOf.map(() => expect.any(String))]);
    expect([place, Object.keys(discriminator?.mapping ?? {}).length]).toEqual([place, expect.any(Number)]);
    expect(Object.keys(discriminator?.mapping ?? {}).length).toBeGreaterThanOrEqual(oneOf.length);
  }
});

/** Headers that an answer of this status has, whatever the call. */
const HEADERS: Readonly<Record<string, string[]>> = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate', 'RateLimit'],
  412: ['ETag'],
  415: ['Accept'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
};

test('the headers of every answer are documented', () => {
  for (const { call } of operations) {
    for (const [status, { headers = {} }] of Object.entries(call.responses)) {
      const expected = ['X-Request-Id', ...(call.security.length === 0 ? [] : (HEADERS[status] ?? []))];
      expect([call.operationId, status, Object.keys(headers)]).toEqual([
        call.operationId,
        status,
        expect.arrayContaining(expected),
      ]);
      for (const { $ref } of Object.values(headers)) {
        if ($ref !== undefined) expect(document.components.headers).toHaveProperty([$ref.split('/').at(-1) ?? '']);
      }
    }
  }
});

test('no path fits two templates, by the patterns of their parameters', () => {
  const templates = Object.entries(document.paths).map(([path, methods]) => ({
    path,
    parts: path.split('/').map((part) => partOf(part, Object.values(methods))),
  }));
  const ambiguous: string[] = [];
  for (const [index, one] of templates.entries()) {
    for (const other of templates.slice(index + 1)) {
      if (one.parts.length !== other.parts.length) continue;
      const meet = one.parts.every((part, at) => canMeet(part, other.parts[at] ?? ''));
      // A literal goes before a parameter where everything else is the same.
      const plain = one.parts.filter((part, at) => String(part) !== String(other.parts[at])).length === 1;
      if (meet && !plain) ambiguous.push(`${one.path} and ${other.path}`);
    }
  }
  expect(ambiguous).toEqual([]);
});

function partOf(part: string, calls: Operation[]): string | RegExp {
  if (!part.startsWith('{')) return part;
  const parameter = calls[0]?.parameters?.find(({ name }) => `{${name}}` === part);
  return new RegExp(parameter?.schema.pattern ?? '.*');
}

function canMeet(one: string | RegExp, other: string | RegExp): boolean {
  if (typeof one === 'string' && typeof other === 'string') return one === other;
  if (typeof one === 'string') return (other as RegExp).test(one);
  if (typeof other === 'string') return one.test(other);
  return one.source === other.source;
}

describe('webhooks', () => {
  test('are described for every event that Waybill makes, and for no other', () => {
    expect(Object.keys(document.webhooks).sort()).toEqual([...SYSTEM_EVENT_TYPES].sort());
  });

  test.each(SYSTEM_EVENT_TYPES)('%s names its type, and has an example that says it', (type) => {
    const schema = document.webhooks[type]?.post.requestBody?.content['application/json']?.schema;
    const named = document.components.schemas[schema?.$ref?.split('/').at(-1) ?? ''];
    expect(named?.properties?.type?.enum ?? [named?.properties?.type]).toEqual([type]);
    expect(named?.example).toMatchObject({ type, data: expect.any(Object) });
  });
});
