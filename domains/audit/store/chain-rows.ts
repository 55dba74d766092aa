import type { AuditEvent, StoredAuditEntry } from '../rules/audit-chain';

/** An entry of a chain, as it is listed. */
export interface AuditEntry extends AuditEvent {
  seq: number;
  at: Date;
  /** In hex. */
  prevHash: string;
  /** In hex. */
  hash: string;
}

/** What a listed entry is read from; {@link listedEntry} makes it. */
export const LISTED_COLUMNS = 'seq, at, actor, action, subject, payload, prev_hash, hash';

export interface ListedRow {
  seq: string;
  at: Date;
  actor: string;
  action: string;
  subject: string;
  payload: unknown;
  prev_hash: Buffer;
  hash: Buffer;
}

export function listedEntry({ seq, prev_hash, hash, ...row }: ListedRow): AuditEntry {
  return { ...row, seq: Number(seq), prevHash: prev_hash.toString('hex'), hash: hash.toString('hex') };
}

/** What an entry is read from exactly as it is stored; {@link storedEntry} makes it. */
export const STORED_COLUMNS =
  'seq, extract(epoch FROM at)::text AS at, actor, action, subject, payload::text AS payload, prev_hash, hash';

export interface StoredRow {
  seq: string;
  at: string;
  actor: string;
  action: string;
  subject: string;
  payload: string;
  prev_hash: Buffer;
  hash: Buffer;
}

export function storedEntry({ seq, prev_hash, ...row }: StoredRow): StoredAuditEntry {
  return { ...row, seq: Number(seq), prevHash: prev_hash };
}
