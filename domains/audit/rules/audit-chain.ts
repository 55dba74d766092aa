import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../core/canonical-json';
import type { PublicId } from '../../../core/ids';

/** What an entry of the audit log says, apart from its place in the chain. */
export interface AuditEvent {
  /** Who did it: an API key's id, or `settlement`. */
  actor: string;
  /** Such as `settlement.completed`. */
  action: string;
  /** To what: an id, or a business date. */
  subject: string;
  /** Any JSON value. Amounts are decimal strings. */
  payload: unknown;
}

/** An entry's place: its number in the tenant's chain, and the hash that covers all entries up to it. */
export interface AuditPosition {
  /** 1, 2, 3, … */
  seq: number;
  hash: Buffer;
}

/** An entry exactly as stored, nothing rounded or reshaped. */
export interface StoredAuditEntry extends AuditPosition {
  /** Seconds since the epoch with six decimals. */
  at: string;
  actor: string;
  action: string;
  subject: string;
  /** The payload's JSON text. */
  payload: string;
  prevHash: Buffer;
}

/** Where every chain begins. */
export const CHAIN_START: AuditPosition = { seq: 0, hash: Buffer.alloc(32) };

/** A moment in the form that is hashed. */
export function auditTime(at: Date): string {
  const ms = at.getTime();
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}000`;
}

/**
 * The hash of an entry: SHA-256 over the previous entry's hash, 32 bytes, and the RFC 8785 form of
 * `{action, actor, at, payload, seq, subject, tenantId}`.
 */
export function auditHash(
  prevHash: Buffer,
  entry: AuditEvent & { tenantId: PublicId; seq: number; at: string },
): Buffer {
  const { tenantId, seq, at, actor, action, subject, payload } = entry;
  const content = canonicalJson({ tenantId, seq, at, actor, action, subject, payload });
  return createHash('sha256').update(prevHash).update(content).digest();
}

/** What is wrong at a place of the log: nothing is there, or not what was written. */
export interface EntryFault {
  seq: number;
  problem: 'missing' | 'changed';
}

/** Whether an entry is the one that was written after `previous`, unchanged. */
export function follows(previous: AuditPosition, entry: StoredAuditEntry, tenantId: PublicId): boolean {
  if (entry.seq !== previous.seq + 1 || !entry.prevHash.equals(previous.hash)) return false;
  if (!hasExactNumbers(entry.payload)) return false;
  const payload: unknown = JSON.parse(entry.payload);
  return auditHash(previous.hash, { ...entry, payload, tenantId }).equals(entry.hash);
}

/** What is wrong between `previous` and the entry that is stored next; empty when it follows. */
export function faultsAfter(previous: AuditPosition, entry: StoredAuditEntry, tenantId: PublicId): EntryFault[] {
  if (follows(previous, entry, tenantId)) return [];
  if (entry.seq === previous.seq + 1) return [{ seq: entry.seq, problem: 'changed' }];
  // What is gone cannot be hashed; the entry itself may still be as it was written after it.
  const alone = follows({ seq: entry.seq - 1, hash: entry.prevHash }, entry, tenantId);
  const missing: EntryFault = { seq: previous.seq + 1, problem: 'missing' };
  return alone ? [missing] : [missing, { seq: entry.seq, problem: 'changed' }];
}

const STRING = /"(?:[^"\\]|\\.)*"/g;
const NUMBER = /-?\d[\d.eE+-]*/g;

/**
 * Whether every number in a JSON text has exactly the digits that JavaScript writes. The database keeps more digits
 * than a double has; a change in those would not change the hash.
 */
function hasExactNumbers(text: string): boolean {
  const numbers = text.replace(STRING, '').match(NUMBER) ?? [];
  return numbers.every((number) => plainDecimal(Number(number)) === number);
}

/** A number as ECMAScript writes it, but without an exponent, as the database keeps it. */
function plainDecimal(value: number): string {
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  if (exponent === undefined) return String(value);
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  return point > 0 ? sign + digits.padEnd(point, '0') : `${sign}0.${'0'.repeat(-point)}${digits}`;
}
