// What was done to a tenant's finances, by whom: a log that is only added to, each entry with the hash of the one before.

export { type CheckedEntry, type CheckedPage, checkAuditPage } from './check-log';
export { recordCacheCleared } from './record-cache-cleared';
export {
  type AuditEvent,
  type AuditPosition,
  auditHash,
  auditTime,
  CHAIN_START,
  type EntryFault,
  type StoredAuditEntry,
} from './rules/audit-chain';
export { appendAudit, auditEnd, listAudit } from './store/audit-log';
export {
  type AuditEntry,
  LISTED_COLUMNS,
  type ListedRow,
  listedEntry,
  STORED_COLUMNS,
  type StoredRow,
  storedEntry,
} from './store/chain-rows';
