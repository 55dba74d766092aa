export { type PaymentDeps, paymentDeps } from './deps';
export { payments } from './domain';
export { describeMoves, describePaymentStates } from './rules/describe-states';

// Orders

export { cancelOrder } from './orders/cancel-order';
export { createOrder } from './orders/create-order';
export { ORDER_STATES } from './rules/order-states';
export { findOrder, listOrders, type Order } from './store/orders';

// Payments: requests

export { openPaying, type Paid, type Paying } from './paying/open-paying';
export type { PaymentResolution } from './paying/payment-resolution';
export { resolvePayment } from './paying/resolve-payment';
export { resumePayment } from './paying/resume-payment';
export { isEnded, PAYMENT_STATES } from './rules/payment-states';
export { findPayment, listPayments, type Payment } from './store/payments';

// Payments: what the workflow does

export { carryOnPayments } from './paying/carry-on-payments';
export { authoriseCharge, captureCharge, lookUpCharge, voidCharge } from './paying/charge-at-provider';
export { endPayment } from './paying/end-payment';
export { flagPayment } from './paying/flag-payment';
export { recordCapture } from './paying/record-capture';
export type { CarryOnOptions } from './rules/payment-flow';
export { holdWallet } from './wallets/hold-wallet';
export { releaseWallet } from './wallets/release-wallet';

// Refunds: requests

export { openRefunding, type Refunded, type Refunding } from './refunding/open-refunding';
export { resolveRefund } from './refunding/resolve-refund';
export { resumeRefund } from './refunding/resume-refund';
export { isRefundEnded, REFUND_STATES } from './rules/refund-states';
export { findRefund, listRefunds, type Refund } from './store/refunds';

// Refunds: the provider's callbacks, the steps of the workflow

export { carryOnRefund } from './refunding/carry-on-refund';
export { flagRefund } from './refunding/flag-refund';
export { callRefund, failRefund, lookUpRefund, recordRefund } from './refunding/steps-of-old-runs';
export type { RefundRound } from './rules/payment-flow';

// Chargebacks: the provider's callbacks, requests, the steps of the workflow

export { flagChargeback } from './chargebacks/flag-chargeback';
export { recordChargeback } from './chargebacks/record-chargeback';
export { resolveChargeback } from './chargebacks/resolve-chargeback';
export { resumeChargeback } from './chargebacks/resume-chargeback';
export { keepCallback } from './keep-callback';
export { CALLBACK_TYPES, type Callback, callbackSchema } from './provider/wire';
export { CHARGEBACK_STATES } from './rules/chargeback-states';
export { type Chargeback, findChargeback, listChargebacks } from './store/chargebacks';

// Commands that end a review, once they are approved

export { paymentCommands } from './approvals/commands';

// Wallets, and reversals by hand

export { reverseTransaction } from './reverse-transaction';
export { findWalletWithBalance, listWallets, type WalletWithBalance } from './store/wallets';
export { createWallet } from './wallets/create-wallet';
export { creditWallet } from './wallets/credit-wallet';

// Upkeep

export { PAYMENT_EVENTS } from './event-payloads';
export { sweepPayments } from './sweep-payments';
