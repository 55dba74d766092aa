import { refusalOf } from '../../core/refusal';

/** Why a request about an order, a payment, a refund or a wallet is refused. */
export class PaymentRefusal extends refusalOf({
  'not-found': 'not-found',
  'no-such-charge': 'not-found',
  'no-such-order': 'invalid',
  'no-provider': 'invalid',
  'key-reuse': 'key-reuse',
  'no-such-wallet': 'invalid',
  'wallet-currency': 'invalid',
  'no-fee-schedule': 'invalid',
  'order-not-payable': 'wrong-state',
  'order-not-cancellable': 'wrong-state',
  'not-refundable': 'wrong-state',
  'charged-back': 'wrong-state',
  'nothing-left': 'wrong-state',
  'more-than-left': 'invalid',
  'needs-no-review': 'wrong-state',
  'not-by-hand': 'wrong-state',
  'already-reversed': 'wrong-state',
  spent: 'wrong-state',
  'no-such-refund': 'not-found',
  'not-resolvable': 'wrong-state',
}) {}
