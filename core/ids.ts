import { uuidv7obj } from 'uuidv7';

/** What an id names. The prefix stands before the id wherever people or other systems see it. */
export const ID_PREFIXES = {
  tenant: 'ten',
  apiKey: 'key',
  endpoint: 'ep',
  secret: 'sec',
  message: 'msg',
  delivery: 'dlv',
  attempt: 'att',
  deadLetter: 'dl',
  merchant: 'mer',
  feeSchedule: 'fee',
  ledgerTransaction: 'ltx',
  order: 'ord',
  wallet: 'wal',
  payment: 'pay',
  refund: 'ref',
  chargeback: 'cbk',
  adjustment: 'adj',
  settlementRun: 'set',
  reconciliation: 'rec',
  effect: 'eff',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

/**
 * A public id: prefix, underscore, 32 lower-case hex digits of a UUID v7, such as `msg_019e0c7b5d0e7cc2a7b1f30d1f2a9c11`.
 * Every part of the program but the stores handles this form; the database holds the bare UUID.
 */
export type PublicId = string;

const HEX32 = /^[0-9a-f]{32}$/;

/** Makes a new time-ordered id of this kind. */
export function newId(kind: IdKind): PublicId {
  return `${ID_PREFIXES[kind]}_${uuidv7obj().toHex()}`;
}

/** The id of another kind with the same digits, for what belongs to `id` one to one. */
export function asId(kind: IdKind, id: PublicId): PublicId {
  return `${ID_PREFIXES[kind]}_${toUuid(id)}`;
}

/** Whether `text` is a well-formed id of this kind. */
export function isId(kind: IdKind, text: string): boolean {
  const prefix = ID_PREFIXES[kind];
  return (
    text.length === prefix.length + 33 && text.startsWith(`${prefix}_`) && HEX32.test(text.slice(prefix.length + 1))
  );
}

/** The database's form (hex without dashes, which Postgres reads as a UUID) of a public id. */
export function toUuid(id: PublicId): string {
  return id.slice(id.indexOf('_') + 1);
}

/** The public form of a UUID read from the database. */
export function fromUuid(kind: IdKind, uuid: string): PublicId {
  return `${ID_PREFIXES[kind]}_${uuid.replaceAll('-', '')}`;
}

/** The moment an id was made, in milliseconds since the epoch. */
export function timeOfId(id: PublicId): number {
  return Number.parseInt(toUuid(id).slice(0, 12), 16);
}

/** The smallest UUID v7 (hex) of a moment: ids made at or after `ms` sort at or after it. */
export function uuidFloor(ms: number): string {
  return `${Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')}70008000000000000000`;
}
