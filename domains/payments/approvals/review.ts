import { type Approval, ask, type CarryOut, type Command, type Requester } from '../../approvals';
import type { PaymentDeps } from '../deps';
import { tellEvents } from '../tell-events';
import type { CarryOutReview } from './review-command';

/**
 * Ends a review: carries the command out at once, or keeps it until another API key approves it.
 *
 * @returns the command as it is kept: `waiting`, or `not_needed` when it is carried out
 * @throws a refusal when another command about the same thing waits, or the subject's state does not allow it
 */
export function review(
  deps: PaymentDeps,
  by: Requester,
  command: Command,
  carryOut: CarryOutReview,
): Promise<Approval> {
  return ask(deps, by, command, carriesOut(deps, carryOut));
}

/** A command of ours as approvals carry it out: what it stored is told after its transaction. */
export function carriesOut(deps: PaymentDeps, carryOut: CarryOutReview): CarryOut {
  return async (db, { tenantId, subject, command: input }, by) => {
    const { events, audit, after } = await carryOut(deps, db, { tenantId, subject, input, by });
    return {
      ...(audit === undefined ? {} : { audit }),
      async after() {
        await tellEvents(deps, events);
        await after?.();
      },
    };
  };
}
