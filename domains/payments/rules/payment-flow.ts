/** Inputs, activity results and results of the payment workflows: ids, never money or a card's token. */

/** Starts `payment`. */
export interface PaymentInput {
  paymentId: string;
  source: 'card' | 'wallet';
  /** Whether it may have been tried before: then the provider is asked first. */
  resume: boolean;
  /** Factor for all waits between tries. Default 1. */
  pace?: number;
}

/** Starts `refund`. */
export interface RefundInput {
  refundId: string;
  source: 'card' | 'wallet';
  resume: boolean;
  pace?: number;
}

/** Starts `chargeback`. */
export interface ChargebackInput {
  chargebackId: string;
  pace?: number;
}

/** How one of these ended; `code` says why it did not end well. */
export interface FlowEnd {
  state: string;
  code?: string;
}

/** What the provider knows of a payment. Moments are RFC 3339. */
export type ChargeStanding =
  | { state: 'none' }
  | { state: 'authorised'; chargeId: string }
  | { state: 'captured'; chargeId: string; capturedAt: string }
  | { state: 'declined'; code: string }
  | { state: 'voided' };

/** The provider refused the call for good. */
export type RefusedForGood = { state: 'refused'; code: string };

/** Whether a wallet had enough for a payment. */
export type Hold = { outcome: 'held' } | { outcome: 'declined'; code: string };

/** A refund as the provider made it. */
export type RefundDone = { state: 'refunded'; providerReference: string; refundedAt: string };

/** Whether a refund that is still not clear, or still with the provider, is to be put before a person. */
export interface RefundRound {
  lastUnclear: boolean;
  lastPending: boolean;
}

/** How far a refund went; `story` tells what happened, in a sentence. */
export type CarriedOnRefund =
  | { outcome: 'ended'; state: string; code?: string; story: string }
  | { outcome: 'waiting'; for: 'answer' | 'provider'; story: string };

/** Where a chargeback stands; `waiting` for its payment's capture to be recorded, or for a refund to become clear. */
export type ChargebackStanding =
  | 'waiting'
  | 'posted'
  | 'reversed'
  | 'partly_won'
  | 'lost'
  | 'dismissed'
  | 'needs_review';

/** How many a sweep found without progress; a workflow that is still running is left alone. */
export interface PaymentSweepReport {
  payments: number;
  refunds: number;
  chargebacks: number;
}
