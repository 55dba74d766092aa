export { settlementDeps } from './deps';
export { settlement } from './domain';
// A settled day for others to read.
export { exportDay } from './export-day';
// The steps by which a day is settled.
export { nextUnsettledDay, openDay } from './open-day';
export type { Beat, DayRef } from './pages';
// Settlements and statements.
export { previewDay } from './preview-day';
// A settled day held against a file.
export { reconcileDay } from './reconcile-day';

// What a business asks for.
export { retrySettlement } from './retry-settlement';
export type { DaySummary } from './rules/day-totals';
export { ITEM_KINDS, RECONCILIATION_STATUSES } from './rules/reconcile';
export type { NamedStatement, SettledDay, Statement, StatementTransaction } from './rules/statement';
export { checkDay, claimDay, completeDay, computeDay, type HeldDay, holdDay, postDay } from './settle-day';
export { ensureSettlementSchedule } from './settlement-schedule';
export { showReconciliation, showReconciliationItems, showReconciliations } from './show-reconciliations';
export { showSettlement, showStatements } from './show-settlement';
export { byStatus, type Reconciliation, type ReconciliationItem } from './store/reconciliation-reads';
export type { RunTrigger } from './store/settlement-runs';
export { listRuns, RUN_STATES, type SettlementRun } from './store/settlement-runs';
export { summarizeSettlements } from './summarize-settlements';
export { triggerSettlement } from './trigger-settlement';
