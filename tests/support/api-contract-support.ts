import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { Response } from 'supertest';

export interface Operation {
  method: string;
  path: string;
  operationId: string;
  security: { apiKey: string[] }[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

interface Document {
  paths: Record<string, Record<string, Omit<Operation, 'method' | 'path'>>>;
}

/** The OpenAPI document, to check answers against. */
export class Contract {
  readonly operations: Operation[];
  readonly #asked: { operation: Operation; path: RegExp }[];
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<object, ValidateFunction>();
  /** Most operations have answers in common, such as problems. */
  readonly #byText = new Map<string, ValidateFunction>();

  constructor(text: string) {
    const document = closeObjects(JSON.parse(text)) as Document;
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
    );
    this.#asked = this.operations.map((operation) => ({
      operation,
      path: new RegExp(`^${operation.path.replace(/\{\w+\}/g, '[^/]+')}$`),
    }));
    // contract.test.ts says whether the document itself is in order; here it would take half a second for each test file.
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
    addFormats(this.#ajv);
    this.#ajv.addSchema({ ...document, $id: 'openapi' });
  }

  find(method: string, path: string): Operation | undefined {
    const asked = path.split('?', 1)[0] ?? '';
    const upper = method.toUpperCase();
    return this.#asked.find(({ operation, path }) => operation.method === upper && path.test(asked))?.operation;
  }

  /** @throws Error when the operation is documented, but not this answer */
  check(method: string, path: string, response: Response): void {
    const operation = this.find(method, path);
    if (operation === undefined) return;
    const where = `${method} ${operation.path} → ${response.status}`;
    const documented = operation.responses[response.status];
    if (documented === undefined) throw new Error(`${where} is not documented: ${response.text}`);
    if (documented.content === undefined) {
      if (response.text !== '' && response.text !== undefined) throw new Error(`${where} must not have a body`);
      return;
    }
    const type = response.get('content-type')?.split(';', 1)[0] ?? '';
    const media = Object.entries(documented.content).find(([name]) => name.split(';', 1)[0] === type);
    if (media === undefined) throw new Error(`${where}: the media type ${type} is not documented`);
    if (!type.includes('json') || type.includes('openapi')) return;
    const validate = this.#validatorOf(media[1].schema);
    const body: unknown = JSON.parse(response.text);
    if (!validate(body)) throw new Error(`${where}: ${this.#ajv.errorsText(validate.errors)} in ${response.text}`);
  }

  #validatorOf(schema: object): ValidateFunction {
    let validate = this.#validators.get(schema);
    if (validate === undefined) {
      const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/');
      validate = this.#byText.get(text) ?? this.#ajv.compile(JSON.parse(text));
      this.#byText.set(text, validate);
      this.#validators.set(schema, validate);
    }
    return validate;
  }
}

let known: { text: string; contract: Contract } | undefined;

/** The contract of a document, made once for the same text: reading it takes a third of a second. */
export function contractOf(text: string): Contract {
  if (known?.text !== text) known = { text, contract: new Contract(text) };
  return known.contract;
}

/** Clients must accept new fields in answers; here an undocumented one is an error. */
function closeObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closeObjects);
  if (typeof value !== 'object' || value === null) return value;
  const closed = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, closeObjects(inner)]));
  const open = closed.type === 'object' && 'properties' in closed && !('additionalProperties' in closed);
  return open ? { ...closed, additionalProperties: false } : closed;
}
