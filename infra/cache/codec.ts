import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { z } from 'zod';
import type { Keyring } from '../keyring';
import { CacheValueRefused } from './errors';

/** How a stored value is to be read: its first byte. */
const NOTHING = 0;
const JSON_TEXT = 1;
const DEFLATED = 2;
const ENCRYPTED = 3;

/** More than this is not what was stored. */
const MAX_INFLATED_BYTES = 64 * 1_024 * 1_024;

/** A value as it is handed out: frozen, since many share it. */
export interface Opened<T> {
  value: T | undefined;
  /** What it takes of memory, roughly. */
  bytes: number;
}

export interface Codec<T> {
  /** @throws CacheValueRefused */
  seal(value: T | undefined, place: string): { body: Buffer } & Opened<T>;
  /** @returns undefined for what cannot be read, or is not what the schema says (any more) */
  open(body: Buffer, place: string): Opened<T> | undefined;
}

const ENTRY_OVERHEAD_BYTES = 256;

/** @param keyring - encrypts what is stored */
export function createCodec<T>(options: {
  name: string;
  schema: z.ZodType<T>;
  compressFrom: number;
  keyring: Keyring | undefined;
}): Codec<T> {
  const { name, schema, compressFrom, keyring } = options;

  function parse(text: string): Opened<T> {
    const value = deepFreeze(schema.decode(JSON.parse(text)));
    return { value, bytes: 2 * text.length + ENTRY_OVERHEAD_BYTES };
  }

  function pack(text: string, place: string): Buffer {
    // Not compressed as well: the length would tell of what the secret has in common with the rest.
    if (keyring !== undefined) return Buffer.concat([Buffer.of(ENCRYPTED), keyring.encrypt(text, place)]);
    const plain = Buffer.from(text);
    if (plain.length < compressFrom) return Buffer.concat([Buffer.of(JSON_TEXT), plain]);
    return Buffer.concat([Buffer.of(DEFLATED), deflateRawSync(plain)]);
  }

  function unpack(body: Buffer, place: string): string {
    const rest = body.subarray(1);
    if (keyring !== undefined) {
      if (body[0] !== ENCRYPTED) throw new Error('it is not encrypted');
      return keyring.decrypt(rest, place);
    }
    if (body[0] === JSON_TEXT) return rest.toString();
    if (body[0] !== DEFLATED) throw new Error('it is of no known kind');
    return inflateRawSync(rest, { maxOutputLength: MAX_INFLATED_BYTES }).toString();
  }

  return {
    seal(value, place) {
      if (value === undefined) return { body: Buffer.of(NOTHING), value, bytes: ENTRY_OVERHEAD_BYTES };
      let text: string;
      let opened: Opened<T>;
      try {
        refuseProtoMembers(value);
        const encoded = schema.encode(value);
        refuseWhatJsonLoses(encoded, new Set());
        text = JSON.stringify(encoded);
        // What everybody else will read, not what the loader still holds.
        opened = parse(text);
      } catch (error) {
        throw new CacheValueRefused(`a value cannot be kept in the namespace "${name}": ${reasonOf(error)}`);
      }
      return { body: pack(text, place), ...opened };
    },
    open(body, place) {
      if (body.length === 1 && body[0] === NOTHING) return { value: undefined, bytes: ENTRY_OVERHEAD_BYTES };
      try {
        return parse(unpack(body, place));
      } catch {
        return undefined;
      }
    },
  };
}

/** Says nothing of the value: it may be a secret. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return error.message.split('\n')[0] ?? 'JSON cannot say it';
  const issues = (error as { issues?: { path: PropertyKey[]; code?: string }[] }).issues;
  const at = issues?.[0]?.path.map(String).join('.');
  return `it does not fit the schema${at ? ` at "${at}"` : ''}`;
}

/** What `JSON.stringify` would leave out or turn into something else without a word. @throws TypeError */
function refuseWhatJsonLoses(value: unknown, parents: Set<unknown>): void {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('JSON has no such number');
    return;
  }
  if (typeof value !== 'object') throw new TypeError(`JSON cannot say a ${typeof value}`);
  if (parents.has(value)) throw new TypeError('it contains itself');
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    throw new TypeError('JSON cannot say an object of a class');
  }
  parents.add(value);
  if (Array.isArray(value)) for (const item of value) refuseWhatJsonLoses(item, parents);
  // A member that is undefined is as good as none.
  else for (const item of Object.values(value)) if (item !== undefined) refuseWhatJsonLoses(item, parents);
  parents.delete(value);
}

/** Schemas leave them out without a word. @throws TypeError */
function refuseProtoMembers(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  if (Object.hasOwn(value, '__proto__')) throw new TypeError('a member cannot be called __proto__');
  seen.add(value);
  for (const member of Object.values(value)) refuseProtoMembers(member, seen);
}

function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
