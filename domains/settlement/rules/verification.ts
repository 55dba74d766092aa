import type { SealProgress } from './seal';

/** Something that is not as the audit log says. */
export interface Finding {
  /** The entry of the log that it is about; null for what the log does not know. */
  seq: number | null;
  /** To what: `entry`, or a settlement's id. */
  subject: string;
  problem: string;
}

/** A place in the log; the hash in hex. */
export interface Place {
  seq: number;
  hash: string;
}

/** How far a verification has come. It can be put down after any step and taken up by another request. */
export interface VerificationProgress {
  /** The last entry that was looked at. */
  at: Place;
  /** The last entry before the first fault of the log itself. */
  valid: Place;
  /** The first entry that was changed or is missing. */
  brokenAt: number | null;
  /** Whether anything was found so far. */
  bad: boolean;
  /** A place that the log is known to have had, as the caller says. */
  expected: Place | null;
  /** How far the items of the next entry's settlement have been hashed; the rest of that settlement is done. */
  items: SealProgress | null;
}

export function beginAt(start: Place, expected: Place | null): VerificationProgress {
  return { at: start, valid: start, brokenAt: null, bad: false, expected, items: null };
}

/** The progress after a fault of the log itself. */
export function brokenBy(progress: VerificationProgress, seq: number): VerificationProgress {
  return { ...progress, bad: true, brokenAt: progress.brokenAt ?? seq };
}

/** The progress after an entry. */
export function passed(progress: VerificationProgress, at: Place): VerificationProgress {
  return { ...progress, at, valid: progress.brokenAt === null ? at : progress.valid, items: null };
}
