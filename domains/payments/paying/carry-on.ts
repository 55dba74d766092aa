import type { PublicId } from '../../../core/ids';
import { PermanentError } from '../../../core/permanent-error';
import { leaseOf } from '../accepting/lease';
import type { PaymentDeps } from '../deps';
import { ProviderUnavailable } from '../provider/provider';
import type { Standing } from '../rules/charge';
import { PaymentFault, ProviderRefused } from '../rules/errors';
import { nextStep, type Past, type Step } from '../rules/next-step';
import type { CarriedOn, CarryOnOptions } from '../rules/payment-flow';
import { isEnded } from '../rules/payment-states';
import { extendLease, releasePayment, takePayment } from '../store/payment-leases';
import { type Payment, readPayment } from '../store/payments';
import { payFromWallet } from '../wallets/pay-from-wallet';
import type { PaymentResult } from './apply-results';
import { ask, authorise, type Called, capture, release } from './provider-calls';
import { recordResult } from './record-result';

/** More would mean that the provider changes its mind with every call. */
const MAX_STEPS = 6;

/** A payment that waits is due again a while after its workflow should have looked at it: the sweep takes over then. */
const SWEEP_AFTER_MS = 60_000;

/** What is known when nothing is known: the first call of all needs no question. */
const NOTHING: Standing = { state: 'none' };

/**
 * Takes a payment as far as it goes at the moment: asks the provider how it stands, unless it was certainly never called,
 * and does what follows from that. Any number of processes may do this at once; the lease lets one of them act.
 */
export async function carryOn(deps: PaymentDeps, paymentId: PublicId, options: CarryOnOptions): Promise<CarriedOn> {
  const { pool, config } = deps;
  const { claim, lettingGo } = options;
  const leaseMs = leaseOf(config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT);
  const payment = await takePayment(pool, paymentId, { claim, leaseMs });
  if (payment === undefined) return untaken(await readPayment(pool, paymentId));
  const story: string[] = [];
  try {
    const ended =
      payment.source.type === 'wallet'
        ? await payFromWallet(deps, payment)
        : await byCard(deps, payment, { claim, lettingGo, leaseMs, story });
    return { outcome: 'ended', state: ended.state, ...codeOf(ended), story };
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    await releasePayment(pool, paymentId, { claim, dueInMs: options.nextRoundMs + SWEEP_AFTER_MS });
    return { outcome: 'waiting', story: [...story, reason] };
  }
}

interface Turn {
  claim: string;
  lettingGo: boolean;
  leaseMs: number;
  story: string[];
}

async function byCard(deps: PaymentDeps, payment: Payment, turn: Turn): Promise<Payment> {
  const { story } = turn;
  const past: Past = {
    mayHaveCalled: payment.calls > 1,
    keysAreKnown: keysAreKnown(deps, payment),
    lettingGo: turn.lettingGo,
  };
  const provider = deps.provider();
  let standing = NOTHING;
  if (past.mayHaveCalled) {
    standing = await ask(provider, payment);
    story.push(`Asked the provider: ${standing.state}.`);
  }
  let letGo: { code: string; hadNothing: boolean } | undefined;
  for (let count = 0; count < MAX_STEPS; count++) {
    const step = nextStep(standing, past);
    const result = resultOf(step, payment, turn.claim, letGo);
    if (result !== undefined) return recordOrFlag(deps, result);
    if (count > 0 && !(await extendLease(deps.pool, payment.id, turn))) throw new LeaseLost();
    if (step.do === 'void') letGo = { code: step.code, hadNothing: standing.state === 'none' };
    const called = await call(step);
    if (called.outcome === 'answered') {
      standing = called.standing;
      story.push(`${NAMES[step.do]}: ${standing.state}.`);
      continue;
    }
    story.push(`${NAMES[step.do]}: refused, ${called.code}.`);
    past.refused = called;
    // A capture that is refused may have been made before.
    if (called.call === 'capture') standing = await ask(provider, payment);
  }
  throw new ProviderUnavailable('the provider contradicts itself');

  function call(step: Step): Promise<Called> {
    if (step.do === 'capture') return capture(provider, payment, step.chargeId);
    return step.do === 'void' ? release(provider, payment) : authorise(provider, payment);
  }
}

const NAMES: Readonly<Record<Step['do'], string>> = {
  authorise: 'Authorisation',
  capture: 'Capture',
  void: 'Void',
  post: 'Posting',
  end: 'End',
  review: 'Review',
};

/** The end that a step is, if it is one. */
function resultOf(
  step: Step,
  payment: Payment,
  claim: string,
  letGo: { code: string; hadNothing: boolean } | undefined,
): PaymentResult | undefined {
  switch (step.do) {
    case 'post':
      return { kind: 'captured', payment, charge: { id: step.chargeId, capturedAt: step.capturedAt } };
    case 'review':
      return { kind: 'review', payment, code: step.code, says: step.says, claim };
    case 'end': {
      const move = { declined: 'decline', failed: 'fail', voided: 'void' } as const;
      const state = step.state === 'voided' && letGo?.hadNothing === true ? 'failed' : step.state;
      return { kind: 'ended', payment, move: move[state], code: letGo?.code ?? step.code, claim };
    }
    case 'authorise':
    case 'capture':
    case 'void':
      return undefined;
  }
}

/** Money that was taken and cannot be posted is put before a person. */
async function recordOrFlag(deps: PaymentDeps, result: PaymentResult): Promise<Payment> {
  const { payment } = result;
  try {
    const recorded = await recordResult(deps, result);
    if (!isEnded(recorded)) throw new LeaseLost();
    if (recorded.state === 'needs_review') flagged(deps, recorded);
    return recorded;
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    const recorded = await recordResult(deps, { kind: 'review', payment, code: 'posting_refused' });
    flagged(deps, recorded);
    return recorded;
  }
}

function flagged({ log }: PaymentDeps, { id, declineCode }: Payment): void {
  log.error({ paymentId: id, code: declineCode }, 'a payment needs review');
}

function keysAreKnown({ config }: PaymentDeps, { firstCalledAt }: Payment): boolean {
  const window = config.WAYBILL_PAYMENT_PROVIDER_KEY_WINDOW - config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT;
  return firstCalledAt === undefined || Date.now() - firstCalledAt.getTime() < window;
}

function untaken(payment: Payment | undefined): CarriedOn {
  if (payment === undefined) throw new PaymentFault('there is no such payment');
  if (isEnded(payment)) return { outcome: 'ended', state: payment.state, ...codeOf(payment), story: [] };
  return { outcome: 'waiting', story: ['Another process is at it.'] };
}

function codeOf({ declineCode }: Payment): { code?: string } {
  return declineCode === undefined ? {} : { code: declineCode };
}

/** Another process has taken the payment meanwhile. */
class LeaseLost extends Error {}

/** Why a payment waits; undefined for errors that are none of the provider's. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof LeaseLost) return 'Another process has taken over.';
  if (error instanceof ProviderUnavailable) return `No answer: ${error.message}.`;
  if (error instanceof ProviderRefused) return `The provider refuses to say: ${error.code}.`;
  return undefined;
}
