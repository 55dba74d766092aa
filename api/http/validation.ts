import type { z } from 'zod';
import type { FieldError } from './problems';

const MAX_ERRORS = 50;

type Issue = z.core.$ZodIssue;

/** What a schema found wrong, each with a pointer to its place. Never repeats a value that was sent. */
export function fieldErrors(at: FieldError['in'], error: z.ZodError, input: unknown): FieldError[] {
  const found: Found[] = [];
  for (const issue of error.issues) {
    if (found.length >= MAX_ERRORS) break;
    found.push(...describe(issue, issue.path, input));
  }
  return found.slice(0, MAX_ERRORS).map(({ path, detail }) => ({ in: at, pointer: pointerTo(path), detail }));
}

interface Found {
  path: readonly PropertyKey[];
  detail: string;
}

function describe(issue: Issue, path: readonly PropertyKey[], input: unknown): Found[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_ERRORS).map((key) => ({ path: [...path, key], detail: 'is not a known field' }));
  }
  if (valueAt(input, path) === undefined && issue.code !== 'custom') return [{ path, detail: 'is required' }];
  if (issue.code === 'invalid_union') {
    // The branch that knows every field is the one that was meant.
    const meant = issue.errors.filter((issues) => issues.every(isAboutValues));
    const [only] = meant;
    if (meant.length === 1 && only !== undefined) {
      return only.slice(0, MAX_ERRORS).flatMap((inner) => describe(inner, [...path, ...inner.path], input));
    }
  }
  return [{ path, detail: issue.message.replace(/^Invalid (input|option): /, '') }];
}

function isAboutValues(issue: Issue): boolean {
  return issue.code !== 'unrecognized_keys' && !(issue.code === 'invalid_type' && issue.path.length === 0);
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** A JSON Pointer (RFC 6901) as a URI fragment. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return `#${path.map((key) => `/${encodeURIComponent(escapeKey(String(key)))}`).join('')}`;
}

function escapeKey(key: string): string {
  return key
    .replaceAll('~', '~0')
    .replaceAll('/', '~1')
    .replace(/\p{Surrogate}/gu, '\uFFFD');
}
