export { ledger } from './domain';
export type { AuditPosition } from './rules/audit-chain';
export {
  ACCOUNTS,
  adjustmentPosting,
  capturePosting,
  chargebackPosting,
  chargebackReversalPosting,
  type LedgerKind,
  opposite,
  refundPosting,
  transferPosting,
} from './rules/postings';
export { type AuditEntry, appendAudit, listAudit, verifyAudit } from './store/audit';
export { inIndexOrder } from './store/index-order';
export { accountBalance, accountId, postTransaction } from './store/ledger';
export { findLedgerTransaction, type LedgerTransaction, listLedgerTransactions } from './store/ledger-reads';
