import type { Charge } from '../rules/charge';
import type { ReportedRefund } from '../rules/reported-refund';

/** What a payment provider does for us. Every call names its charge by our reference, the payment's id. */
export interface PaymentProvider {
  /**
   * Asks the card's bank for the money, without taking it.
   *
   * @throws ProviderUnavailable when the outcome is unknown
   * @throws ProviderRefused when it cannot have happened
   */
  authorise(request: AuthoriseRequest): Promise<Authorisation>;
  /** Takes the money that was authorised. Throws as {@link authorise} does. */
  capture(request: CaptureRequest): Promise<Capture>;
  /**
   * Releases the money. A reference that the provider does not know is closed, so that an authorisation still on its
   * way is refused when it arrives. Throws as {@link authorise} does.
   */
  void(request: VoidRequest): Promise<Voiding>;
  /** Gives a part of captured money back. Throws as {@link authorise} does. */
  refund(request: RefundRequest): Promise<ProviderRefund>;
  /** Every charge that the provider has of a reference, oldest first. Throws as {@link authorise} does. */
  lookUp(reference: string): Promise<Charge[]>;
  /** Every refund that the provider has of a reference, oldest first. Throws as {@link authorise} does. */
  lookUpRefund(reference: string): Promise<ReportedRefund[]>;
}

/** Calls with the same key count as one, whenever and however often they are made. */
interface Keyed {
  idempotencyKey: string;
}

export interface AuthoriseRequest extends Keyed {
  reference: string;
  amount: bigint;
  currency: string;
  /** The provider's token for the card. */
  token: string;
}

/** `answered`: the charge may be in any state, and may be for another amount than was asked. */
export type Authorisation = { outcome: 'answered'; charge: Charge } | { outcome: 'declined'; code: string };

export interface CaptureRequest extends Keyed {
  chargeId: string;
  amount: bigint;
}

/** As {@link Authorisation}; `refused`: the card's bank refuses, nothing was taken. */
export type Capture = { outcome: 'answered'; charge: Charge } | { outcome: 'refused'; code: string };

export interface VoidRequest extends Keyed {
  reference: string;
}

/** `captured`: too late, the money was taken. */
export type Voiding = { outcome: 'voided' } | { outcome: 'captured' };

export interface RefundRequest extends Keyed {
  reference: string;
  chargeId: string;
  amount: bigint;
}

/** `answered`: the refund may be in any state, and may be for another amount than was asked. */
export type ProviderRefund = { outcome: 'answered'; refund: ReportedRefund } | { outcome: 'refused'; code: string };

/** It is unknown whether the call took effect: no connection, no answer in time, or an answer that says nothing. */
export class ProviderUnavailable extends Error {
  override name = 'ProviderUnavailable';
}
