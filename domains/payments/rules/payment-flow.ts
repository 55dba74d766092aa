/** Inputs, activity results and results of the payment workflows: ids, never money or a card's token. */

/** Starts `payment`. */
export interface PaymentInput {
  paymentId: string;
  source: 'card' | 'wallet';
  /** Read by runs of earlier versions only: whether it may have been tried before. */
  resume: boolean;
  /** How it ended in the process that accepted it, if it did: then there is nothing left to do. */
  ended?: FlowEnd;
  /** Factor for all waits between tries. Default 1. */
  pace?: number;
}

/** Starts `paymentBatch`: payments that were accepted close together. */
export interface PaymentBatchInput {
  /** Those that have not ended yet. */
  open: string[];
  /** How many have ended already, by state. */
  ended: Readonly<Record<string, number>>;
  pace?: number;
}

/** How a batch ended: how many payments or refunds, by state. */
export interface PaymentBatchEnd {
  states: Readonly<Record<string, number>>;
}

/** How a payment is carried on with. */
export interface CarryOnOptions {
  /** A UUID of who does it, for the lease. */
  claim: string;
  /** Whether to stop trying to take the money, and let it go instead. */
  lettingGo: boolean;
  /** When the caller means to carry on again if it has not ended, in milliseconds. */
  nextRoundMs: number;
}

/** How far a payment went; `story` tells what happened, a sentence each. */
export type CarriedOn =
  | { outcome: 'ended'; state: string; code?: string; story: readonly string[] }
  | { outcome: 'waiting'; story: readonly string[] };

/** Starts `refund`. */
export interface RefundInput {
  refundId: string;
  source: 'card' | 'wallet';
  /** Read by runs of earlier versions only: whether it may have been tried before. */
  resume: boolean;
  /** How it ended in the process that accepted it, if it did: then there is nothing left to do. */
  ended?: FlowEnd;
  pace?: number;
}

/** Starts `refundBatch`: refunds that were accepted close together and ended cleanly. */
export interface RefundBatchInput {
  /** How many have ended, by state. */
  ended: Readonly<Record<string, number>>;
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
  /** A UUID of who does it, for the lease. Absent in runs of earlier versions. */
  claim?: string;
  /** When the caller means to carry on again if it does not end, in milliseconds. */
  nextRoundMs?: number;
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
