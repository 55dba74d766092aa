import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/**
 * Claims further items for a run: those of its day and, marked as late, those of earlier days that came in after their
 * day was settled; not those of merchants that are set aside. An item belongs to one run for ever. The run's row is
 * locked, so nothing joins a run whose claim is closed. Index: settlement_items_open.
 *
 * @returns how many, at most `limit`; 0 also when the claim is closed
 */
export async function claimItems(db: Queryable, runId: PublicId, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'claim-settlement-items',
    text: `WITH run AS MATERIALIZED (
             SELECT id, tenant_id, period_start, period_end FROM settlement_runs
             WHERE id = $1 AND state = 'running' AND claimed_at IS NULL FOR UPDATE
           )
           UPDATE settlement_items i SET run_id = run.id, late = i.effective_at < run.period_start
           FROM run
           WHERE i.run_id IS NULL AND i.ctid = ANY (ARRAY(
             SELECT open.ctid FROM settlement_items open, run AS r
             WHERE open.tenant_id = r.tenant_id AND open.run_id IS NULL AND open.effective_at < r.period_end
               AND open.merchant_id <> ALL (ARRAY(
                 SELECT merchant_id FROM settlement_holds WHERE tenant_id = (SELECT tenant_id FROM run)))
             ORDER BY open.effective_at LIMIT $2))`,
    values: [toUuid(runId), limit],
  });
  return rowCount ?? 0;
}

/** Closes a run's claim and counts what is in it. A claim that is closed stays as it is. Index: settlement_items_by_run. */
export async function closeClaim(db: Queryable, runId: PublicId): Promise<void> {
  await db.query({
    name: 'close-settlement-claim',
    text: `UPDATE settlement_runs SET claimed_at = now(), item_count = c.items, late_count = c.late
           FROM (SELECT count(*) AS items, count(*) FILTER (WHERE late) AS late
                 FROM settlement_items WHERE run_id = $1) AS c
           WHERE id = $1 AND claimed_at IS NULL AND state = 'running'`,
    values: [toUuid(runId)],
  });
}

/** Counts again what is in a run whose claim is closed, after some of it was released. Index: settlement_items_by_run. */
export async function recountClaim(db: Queryable, runId: PublicId): Promise<void> {
  await db.query({
    name: 'recount-settlement-claim',
    text: `UPDATE settlement_runs SET item_count = c.items, late_count = c.late
           FROM (SELECT count(*) AS items, count(*) FILTER (WHERE late) AS late
                 FROM settlement_items WHERE run_id = $1) AS c
           WHERE id = $1 AND claimed_at IS NOT NULL AND state = 'running'`,
    values: [toUuid(runId)],
  });
}
