export { claimDay, computeDay } from './aggregate';
export { type BusinessChange, changeBusiness } from './change-business';
export { businessOf, closedDate, retry, trigger } from './commands';
export { checkDay, completeDay, holdDay, postDay } from './conclude';
export { settlementDeps } from './deps';
export { settlement } from './domain';
export { begun, camtPieces, csvPieces, jsonPieces } from './export-bodies';
export { nextUnsettledDay, openDay } from './open-day';
export type { DayRef } from './pages';
export { previewDay } from './preview';
export { ITEM_KINDS, RECONCILIATION_STATUSES } from './rules/reconcile';
export { readReconciliationFile } from './rules/reconcile-file';
export type { SettledDay, Statement, StatementTransaction } from './rules/statement';
export { noSettlement, settledDay } from './settled-run';
export { reconcile } from './store/reconciliation';
export {
  byStatus,
  findReconciliation,
  listReconciliationItems,
  listReconciliations,
  type Reconciliation,
  type ReconciliationItem,
} from './store/reconciliation-reads';
export { hasStatements } from './store/settlement-exports';
export { recordsOfMerchant, type SettlementRecord } from './store/settlement-records';
export { findRun, listRuns, RUN_STATES, type SettlementRun } from './store/settlement-runs';
export { runStatistics, totalsBetween, totalsOfRun } from './store/settlement-stats';
