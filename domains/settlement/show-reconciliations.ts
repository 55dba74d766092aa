import type { PublicId } from '../../core/ids';
import type { Page, PageRequest } from '../../infra/postgres/keyset';
import type { Queryable } from '../../infra/postgres/pool';
import { SettlementRefusal } from './refusals';
import type { ReconciliationStatus } from './rules/reconcile';
import { settledDay } from './settled-day';
import {
  findReconciliation,
  listReconciliationItems,
  listReconciliations,
  type Reconciliation,
  type ReconciliationItem,
} from './store/reconciliation-reads';

// All throw SettlementRefusal when the day is not settled.

/** A reconciliation of a day. */
export interface ReconciliationRef {
  tenantId: PublicId;
  /** `YYYY-MM-DD` */
  date: string;
  id: PublicId;
}

/** A settled day's reconciliations. */
export async function showReconciliations(
  db: Queryable,
  { tenantId, date }: Omit<ReconciliationRef, 'id'>,
  request: PageRequest,
): Promise<Page<Reconciliation>> {
  const { runId } = await settledDay(db, tenantId, date);
  return listReconciliations(db, runId, request);
}

/** @throws SettlementRefusal `no-reconciliation` */
export async function showReconciliation(db: Queryable, ref: ReconciliationRef): Promise<Reconciliation> {
  const { tenantId, date, id } = ref;
  const { runId } = await settledDay(db, tenantId, date);
  const found = await findReconciliation(db, { tenantId, runId, id });
  if (found === undefined) throw new SettlementRefusal('no-reconciliation');
  return found;
}

/** A reconciliation's items, mismatches first. @throws SettlementRefusal `no-reconciliation` */
export async function showReconciliationItems(
  db: Queryable,
  ref: ReconciliationRef,
  status: ReconciliationStatus | undefined,
  request: PageRequest,
): Promise<Page<ReconciliationItem>> {
  const { id } = await showReconciliation(db, ref);
  return listReconciliationItems(db, id, status, request);
}
