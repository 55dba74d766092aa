import { refusalOf } from '../../core/refusal';

/** Why a day is not settled, or not shown. */
export class SettlementRefusal extends refusalOf({
  'no-settlement': 'not-found',
  'no-merchant': 'not-found',
  'no-reconciliation': 'not-found',
  'no-payout': 'not-found',
  'day-open': 'too-early',
  'before-first-day': 'invalid',
  'unknown-zone': 'invalid',
  'changed-meanwhile': 'outdated',
  'first-day-is-set': 'invalid',
  'first-day-is-remote': 'invalid',
  'too-many-days': 'invalid',
  'no-days': 'invalid',
  'use-retry': 'wrong-state',
  'earlier-day-blocked': 'wrong-state',
  'not-retryable': 'wrong-state',
  running: 'wrong-state',
  'not-settled': 'wrong-state',
  'no-statements': 'wrong-state',
  'not-correctable': 'wrong-state',
  'nothing-to-correct': 'wrong-state',
  'more-to-correct': 'wrong-state',
  'set-aside': 'wrong-state',
  'not-set-aside': 'wrong-state',
}) {}

/** For a day without a settlement. */
export function noSettlement(): SettlementRefusal {
  return new SettlementRefusal('no-settlement', 'There is no settlement of that day.');
}

/** For a day that is being settled right now. */
export function stillRunning(date: string): SettlementRefusal {
  const detail = `The settlement of ${date} is running. Ask for it with GET /api/v2/finance/settlement/${date}.`;
  return new SettlementRefusal('running', detail, { retryAfterSeconds: 5 });
}
