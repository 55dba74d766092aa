import { uuidv7obj, V7Generator } from 'uuidv7';

/**
 * What an id names, by the prefix that it has wherever people or other systems see it. Each domain adds its own in its
 * `rules/ids.ts`; two that choose the same do not compile.
 */
export interface IdPrefixes {
  eff: 'what a request brings about';
}

export type IdPrefix = keyof IdPrefixes;

/**
 * A public id: prefix, underscore, 32 lower-case hex digits of a UUID v7, such as `msg_019e0c7b5d0e7cc2a7b1f30d1f2a9c11`.
 * Every part of the program but the stores handles this form; the database holds the bare UUID.
 */
export type PublicId = string;

const HEX32 = /^[0-9a-f]{32}$/;

/** Makes a new time-ordered id with this prefix. */
export function newId(prefix: IdPrefix): PublicId {
  return `${prefix}_${uuidv7obj().toHex()}`;
}

const elsewhere = new V7Generator();

/** A new id of a moment on another clock, in milliseconds since the epoch. */
export function newIdAt(prefix: IdPrefix, atMs: number): PublicId {
  return `${prefix}_${elsewhere.generateOrResetCore(Math.floor(atMs), 0).toHex()}`;
}

/** The id with another prefix and the same digits, for what belongs to `id` one to one. */
export function asId(prefix: IdPrefix, id: PublicId): PublicId {
  return `${prefix}_${toUuid(id)}`;
}

/** Whether `text` is a well-formed id with this prefix. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return (
    text.length === prefix.length + 33 && text.startsWith(`${prefix}_`) && HEX32.test(text.slice(prefix.length + 1))
  );
}

/** The database's form (hex without dashes, which Postgres reads as a UUID) of a public id. */
export function toUuid(id: PublicId): string {
  return id.slice(id.indexOf('_') + 1);
}

/** The public form of a UUID read from the database. */
export function fromUuid(prefix: IdPrefix, uuid: string): PublicId {
  return `${prefix}_${uuid.replaceAll('-', '')}`;
}

/** The moment an id was made, in milliseconds since the epoch. */
export function timeOfId(id: PublicId): number {
  return Number.parseInt(toUuid(id).slice(0, 12), 16);
}

/** The smallest UUID v7 (hex) of a moment: ids made at or after `ms` sort at or after it. */
export function uuidFloor(ms: number): string {
  return `${Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')}70008000000000000000`;
}
