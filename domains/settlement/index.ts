export { settlementDeps } from './deps';
export { settlement } from './domain';

// The steps that settle a day.

export { SETTLEMENT_EVENTS } from './event-payloads';
export { nextUnsettledDay, openDay } from './open-day';
export type { DayRef } from './pages';
export type { DaySummary } from './rules/day-totals';
export { checkDay, claimDay, completeDay, computeDay, type HeldDay, holdDay, postDay } from './settle-day';
export { type QuietDays, settleQuietDays } from './settle-quiet-days';
export type { RunTrigger } from './store/settlement-runs';

// What a business asks for.

export { type BusinessChange, changeBusiness } from './change-business';
export { previewDay } from './preview-day';
export { retrySettlement } from './retry-settlement';
export { triggerSettlement } from './trigger-settlement';

// Settlements and their statements.

export type { Statement } from './rules/statement';
export { bringMerchantBack, setMerchantAside } from './set-aside';
export { showSettlement, showStatements } from './show-settlement';
export { HOLD_REASONS, type Hold, listHolds } from './store/set-aside';
export { listRuns, RUN_STATES, type SettlementRun } from './store/settlement-runs';
export { summarizeSettlements } from './summarize-settlements';

// A settled day, exported.

export { exportDay } from './export-day';
export { ITEM_KINDS } from './rules/reconcile';
export { endToEndId } from './rules/references';
export type { NamedStatement, SettledDay, StatementTransaction } from './rules/statement';

// A settled day compared with a file.

export { reconcileDay } from './reconcile-day';
export { DELIMITERS } from './rules/csv-records';
export { CONFIDENCES, RECONCILED_KINDS, RECONCILIATION_STATUSES } from './rules/reconcile';
export { showReconciliation, showReconciliationItems, showReconciliations } from './show-reconciliations';
export { byStatus, type Reconciliation, type ReconciliationItem } from './store/reconciliation-reads';

// Payouts, until the bank says what became of them.

export { showPayout } from './show-payouts';
export { listPayouts, PAYOUT_STATES, type Payout } from './store/payouts';
// Corrections

export { type CorrectedDay, type Correction, correctDay, settlementCommands } from './correct-day';

// Verification

export type { VerificationProgress } from './rules/verification';
export { type Verification, verifyFinances } from './verifying/verify-finances';
