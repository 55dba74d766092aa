import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { StoredEvent } from '../../webhooks';
import type { LoggedEffect, PaymentDeps } from '../deps';

/** Who asks: an API key, in a request. */
export type Reviewer = LoggedEffect & { keyId: PublicId };

/** A command that ends the review of something. */
export interface ReviewCommand {
  /** One of the actions in `commands.ts`, such as `refund.resolve`; also its name in the audit log. */
  action: string;
  /** What it is about, such as `ref_…`. */
  subject: PublicId;
  /** The most money that it decides about, in minor units: held against the threshold. */
  amount: bigint;
  currency: string;
  /** The command's input: a JSON value, so amounts are decimal strings. */
  input: unknown;
}

/** What a command has done, within its transaction. */
export interface CarriedOut {
  events: (StoredEvent | undefined)[];
  /** For the audit log, beside the command's input: a JSON value. */
  audit?: object;
  /** What has to be done after the transaction, such as waking a workflow. May be lost with the process. */
  after?: () => Promise<void>;
}

/**
 * Carries a command out, in the transaction of `db`. It may come long after it was asked for, so everything is checked
 * here again.
 *
 * @throws PaymentRefusal when the subject's state does not allow it (any more)
 */
export type CarryOut = (
  deps: PaymentDeps,
  db: Queryable,
  command: { tenantId: PublicId; subject: PublicId; input: unknown; by: Reviewer },
) => Promise<CarriedOut>;
