import type { PublicId } from '../../core/ids';
import type { Logger } from '../../infra/log';
import type { Effect } from '../../infra/postgres/effect';
import type { Queryable } from '../../infra/postgres/pool';
import type { Approval } from './store/approvals';

/** Who asks or decides: an API key, in a request. */
export type Requester = Effect & { keyId: PublicId; log: Logger };

/** A command that somebody gives. */
export interface Command {
  /** Its name, such as `refund.resolve`; also in the audit log. */
  action: string;
  /** What it is about, such as `ref_…`. One command about it may wait at a time. */
  subject: PublicId;
  /** The most money that it decides about, in minor units: held against the threshold. */
  amount: bigint;
  currency: string;
  /** The command's input: a JSON value, so amounts are decimal strings. */
  input: unknown;
}

/** What a command has done, within its transaction. */
export interface CarriedOut {
  /** What the audit log calls it, where that is not the command's name. */
  action?: string;
  /** For the audit log, beside the command's input: a JSON value. */
  audit?: object;
  /** What has to be done after the transaction, such as waking a workflow. May be lost with the process. */
  after?: () => Promise<void>;
}

/**
 * Carries a command out, in the transaction of `db`. It may come long after it was asked for, so everything is checked
 * here again.
 *
 * @throws a refusal of its domain when the subject's state does not allow it (any more)
 */
export type CarryOut = (db: Queryable, approval: Approval, by: Requester) => Promise<CarriedOut>;

/** What carries out each command, by its action. */
export type Commands = Readonly<Record<string, CarryOut>>;
