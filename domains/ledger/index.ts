export { ledger } from './domain';

// Transactions

export { type Adjusted, adjustMerchant, ledgerCommands } from './adjust-merchant';
export {
  ACCOUNTS,
  capturePosting,
  chargebackPosting,
  chargebackReversalPosting,
  type LedgerKind,
  opposite,
  type Posting,
  refundPosting,
  refundWriteOffPosting,
  transferPosting,
  writtenOffCapturePosting,
} from './rules/postings';
export { accountIdSql } from './store/account-id';
export { inIndexOrder } from './store/index-order';
export {
  accountBalance,
  accountBalances,
  findPosted,
  type NewLedgerTransaction,
  postTransaction,
  postTransactions,
} from './store/ledger';
export {
  findLedgerTransaction,
  type LedgerTransaction,
  listLedgerTransactions,
  lockLedgerTransaction,
} from './store/ledger-reads';
