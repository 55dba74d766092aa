import type { ExpectedVersion } from '../../../core/expected-version';
import type { PreferenceWish } from './change';

/** A change of somebody's preferences, complete: it may be committed here or there, and happens once. */
export interface ChangeCommand extends PreferenceWish {
  changeId: string;
  tenantId: string;
  subscriberId: string;
  /** Who asks: an API key's id, or `one_click`. */
  actor: string;
  /** What proves that somebody wanted it, sealed with their own key, in base64; null without any. */
  evidence: string | null;
  expected: ExpectedVersion | null;
  /** By the database's clock, in milliseconds since the epoch. Later it is not committed any more: nobody waits for it, and others may have followed. */
  notAfter: number;
}

/** Codes of what may be wrong with a change. */
export type ChangeRefusalCode =
  | 'no-such-subscriber'
  | 'changed-meanwhile'
  | 'unknown-category'
  | 'unknown-topic'
  | 'too-many-choices'
  | 'too-late';

/** What became of a change. */
export type CommitResult =
  | { outcome: 'committed'; version: number }
  | {
      outcome: 'refused';
      code: ChangeRefusalCode;
      detail: string;
      /** Where in the input the cause is. */
      field?: string[];
      /** The version that the subscriber has. */
      version?: number;
    };

/** What starts a `preferenceChange`. */
export interface PreferenceChangeInput {
  changeId: string;
  /** What is to be committed; null when it is. */
  command: ChangeCommand | null;
}
