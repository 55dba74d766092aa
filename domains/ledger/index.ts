export { ledger } from './domain';

// Transactions

export { adjustMerchant } from './adjust-merchant';
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
} from './rules/postings';
export { accountIdSql } from './store/account-id';
export {
  accountBalance,
  accountBalances,
  findPosted,
  type NewLedgerTransaction,
  postTransaction,
} from './store/ledger';
export {
  findLedgerTransaction,
  type LedgerTransaction,
  listLedgerTransactions,
  lockLedgerTransaction,
} from './store/ledger-reads';

// The audit log

export type { AuditPosition } from './rules/audit-chain';
export { type AuditEntry, appendAudit, listAudit, verifyAudit } from './store/audit';
export { inIndexOrder } from './store/index-order';
