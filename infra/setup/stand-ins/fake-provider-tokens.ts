/** How one kind of call about a charge behaves. */
export interface CallBehaviour {
  /** The card's bank refuses with this code; nothing is done. */
  refuse?: string;
  /** The first calls answer 500 and do nothing. */
  failFirst?: number;
  /** The first calls are carried out and never answered. */
  hangFirst?: number;
  /** Milliseconds before the answer. */
  delayMs?: number;
  /** It is done for this percentage of the amount. */
  percent?: bigint;
  /** It is done in this currency. */
  currency?: string;
}

/** How refunds of a charge behave beyond that. */
export interface RefundBehaviour extends CallBehaviour {
  /** Makes another refund than was asked for: only half of it, or in this currency. */
  half?: boolean;
  currency?: string;
  /** It is pending at first, and reported to have ended so a moment later. */
  ends?: 'succeeded' | 'failed';
  /** It succeeds, and is reported to have failed a moment later. */
  failsLate?: boolean;
}

/** How a card behaves. */
export interface TokenBehaviour {
  authorise?: CallBehaviour;
  capture?: CallBehaviour;
  void?: CallBehaviour;
  refund?: RefundBehaviour;
  /** The cardholder disputes the charge once it is captured; with `won`, the merchant wins the dispute. */
  chargeback?: { won: boolean };
}

const ALWAYS = Number.POSITIVE_INFINITY;

/** The test cards by their tokens. Any other token is declined as `invalid_card`. */
export const TEST_CARDS: Readonly<Record<string, TokenBehaviour>> = {
  tok_ok: {},
  tok_declined: { authorise: { refuse: 'card_declined' } },
  tok_insufficient: { authorise: { refuse: 'insufficient_funds' } },
  tok_slow: { authorise: { delayMs: 1_500 } },
  tok_error_then_ok: { authorise: { failFirst: 2 } },
  tok_timeout_after_success: { authorise: { hangFirst: 1 } },
  tok_authorise_never_answered: { authorise: { hangFirst: ALWAYS } },
  tok_capture_timeout_after_success: { capture: { hangFirst: 1 } },
  tok_capture_never_answered: { capture: { hangFirst: ALWAYS } },
  tok_capture_refused: { capture: { refuse: 'capture_refused' } },
  tok_capture_failing: { capture: { failFirst: ALWAYS } },
  tok_partial_approval: { authorise: { percent: 60n } },
  tok_partial_capture: { capture: { percent: 60n } },
  tok_capture_too_much: { capture: { percent: 160n } },
  tok_capture_other_currency: { capture: { currency: 'USD' } },
  tok_refund_refused: { refund: { refuse: 'refund_refused' } },
  tok_refund_timeout_after_success: { refund: { hangFirst: 1 } },
  tok_refund_never_answered: { refund: { hangFirst: ALWAYS } },
  tok_refund_failing: { refund: { failFirst: ALWAYS } },
  tok_refund_half: { refund: { half: true } },
  tok_refund_half_never_answered: { refund: { half: true, hangFirst: ALWAYS } },
  tok_refund_in_usd: { refund: { currency: 'USD' } },
  tok_refund_pending: { refund: { ends: 'succeeded' } },
  tok_refund_pending_fails: { refund: { ends: 'failed' } },
  tok_refund_fails_late: { refund: { failsLate: true } },
  tok_chargeback: { chargeback: { won: false } },
  tok_chargeback_won: { chargeback: { won: true } },
};
