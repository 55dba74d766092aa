import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { type AuditPosition, type EntryFault, faultsAfter, type StoredAuditEntry } from './rules/audit-chain';
import { readStored } from './store/audit-log';

/** An entry as it is stored, and what is wrong with it or just before it. */
export interface CheckedEntry {
  entry: StoredAuditEntry;
  faults: EntryFault[];
}

/** A few entries, checked. */
export interface CheckedPage {
  checked: CheckedEntry[];
  /** Whether the log ends with them. */
  end: boolean;
}

/**
 * Checks the entries that follow a place in a tenant's log. After a fault the chain is taken up again with the entry as
 * it is stored, so that one fault hides no other. Index: finance_audit_log_pkey.
 *
 * @param after - `CHAIN_START`, or the last entry of the page before
 * @param limit - how many entries at most
 */
export async function checkAuditPage(
  db: Queryable,
  tenantId: PublicId,
  after: AuditPosition,
  limit: number,
): Promise<CheckedPage> {
  const entries = await readStored(db, tenantId, after.seq, limit);
  let last = after;
  const checked = entries.map((entry) => {
    const faults = faultsAfter(last, entry, tenantId);
    last = entry;
    return { entry, faults };
  });
  return { checked, end: entries.length < limit };
}
