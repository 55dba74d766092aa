import type { Document } from './openapi-types';

interface Schema {
  $ref?: string;
  type?: string | string[];
  example?: unknown;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  format?: string;
}

/** Gives every named schema of the document that has no example one that is made from those of its properties. */
export function giveExamples(document: Pick<Document, 'components'>): void {
  const schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
  for (const schema of Object.values(schemas)) {
    if (schema.example === undefined) schema.example = exampleOf(schema, schemas);
  }
}

function exampleOf(schema: Schema, schemas: Readonly<Record<string, Schema>>): unknown {
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref !== undefined) return exampleOf(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, schemas);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.default !== undefined) return schema.default;
  const [first] = schema.allOf ?? schema.oneOf ?? schema.anyOf ?? [];
  if (first !== undefined) return exampleOf(first, schemas);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type ?? 'string') {
    case 'object':
      return objectOf(schema, schemas);
    case 'array':
      return schema.items === undefined ? [] : [exampleOf(schema.items, schemas)];
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return false;
    case 'null':
      return null;
    default:
      return 'text';
  }
}

function objectOf({ properties, additionalProperties }: Schema, schemas: Readonly<Record<string, Schema>>): object {
  if (properties === undefined && typeof additionalProperties === 'object') {
    return { name: exampleOf(additionalProperties, schemas) };
  }
  return Object.fromEntries(Object.entries(properties ?? {}).map(([name, inner]) => [name, exampleOf(inner, schemas)]));
}
