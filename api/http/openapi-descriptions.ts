import type { Document } from './openapi-types';

/**
 * What properties mean that mean the same wherever they are, by name: `createdAt`; or in one schema only:
 * `Wallet.available`. A description of the property's own goes before.
 */
export type Glossary = Readonly<Record<string, string>>;

interface Schema {
  description?: string;
  default?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
}

/** Gives every property and parameter that has no description the one of the glossary. */
export function describeProperties(document: Pick<Document, 'components' | 'paths'>, glossary: Glossary): void {
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) describe(schema, name, glossary);
  for (const item of Object.values(document.paths ?? {})) {
    for (const method of ['get', 'post', 'patch', 'delete'] as const) {
      for (const parameter of item[method]?.parameters ?? []) {
        if ('$ref' in parameter) continue;
        const meaning = glossary[parameter.name];
        if (parameter.description === undefined && meaning !== undefined) parameter.description = meaning;
      }
    }
  }
}

function describe(value: unknown, component: string, glossary: Glossary): void {
  if (Array.isArray(value)) {
    for (const inner of value) describe(inner, component, glossary);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const { properties } = value as Schema;
  for (const [name, property] of Object.entries(properties ?? {})) {
    const meaning = glossary[`${component}.${name}`] ?? glossary[name];
    if (property.description === undefined && meaning !== undefined) property.description = meaning;
    tellDefaultOfUnion(property);
  }
  for (const [key, inner] of Object.entries(value)) {
    if (key !== 'example' && key !== 'default' && key !== 'enum') describe(inner, component, glossary);
  }
}

/** Generators of clients cannot make an object of one of several classes, and leave the whole call out: it is told in words. */
function tellDefaultOfUnion(property: Schema): void {
  const { default: preset, description = '' } = property;
  if (property.anyOf === undefined && property.oneOf === undefined) return;
  if (typeof preset !== 'object' || preset === null) return;
  delete property.default;
  property.description = `${description} Default: \`${JSON.stringify(preset)}\`.`.trim();
}
