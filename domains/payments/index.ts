export { authoriseCharge, captureCharge, lookUpCharge, voidCharge } from './charge-calls';
export { flagChargeback, recordChargeback } from './chargebacks';
export { type PaymentDeps, paymentDeps } from './deps';
export { payments } from './domain';
export { isEnded, makePayment } from './make-payment';
export { makeRefund } from './make-refund';
export { type Callback, callbackSchema } from './provider/wire';
export { endPayment, flagPayment, recordCapture } from './record-payment';
export { callRefund, failRefund, flagRefund, lookUpRefund, type RefundDone, recordRefund } from './refunds';
export { chargebackWorkflowId } from './rules/workflow-names';
export { startChargeback, startPayment, startRefund } from './start-payments';
export {
  CHARGEBACK_STATES,
  type Chargeback,
  findChargeback,
  insertChargeback,
  listChargebacks,
  markChargebackWon,
  moveChargeback,
} from './store/chargebacks';
export { findOrder, insertOrder, listOrders, moveOrder, ORDER_STATES, type Order } from './store/orders';
export { findPayment, listPayments, PAYMENT_STATES, type Payment, readPayment } from './store/payments';
export { findRefund, listRefunds, REFUND_STATES, type Refund } from './store/refunds';
export { type Reversal, reverseTransaction } from './store/reversals';
export {
  findWallet,
  insertWallet,
  listWallets,
  type Wallet,
  type WalletBalance,
  walletBalance,
  walletBalances,
} from './store/wallets';
export { sweepPayments } from './sweep';
export { holdWallet, releaseWallet } from './wallet-holds';
