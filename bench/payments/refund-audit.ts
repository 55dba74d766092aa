import type { Pool } from 'pg';
import { fromUuid } from '../../core/ids';
import type { FakeCharge, FakeRefund } from '../../infra/setup/stand-ins/fake-provider-charges';

/** How far the provider's refunds, ours and the ledger agree. All but the first two must be 0. */
export interface RefundAudit {
  succeeded: number;
  failed: number;
  /** Refunds that the provider has made more than once, and payments of which it has given back more than it took. */
  refundedTwice: number;
  /** Refunded at the provider, and not here. */
  refundedUnnoticed: number;
  /** Refunded here, and not at the provider, or another amount. */
  succeededWithoutRefund: number;
  /** Refunds whose amount is not what the ledger says went back, and postings without a refund. */
  postedWrong: number;
  /** Neither succeeded nor failed. */
  unfinished: number;
}

/** Compares every refund of the provider with ours and with the ledger. */
export async function auditRefunds(pool: Pool, charges: readonly FakeCharge[]): Promise<RefundAudit> {
  const byReference = new Map<string, FakeRefund[]>();
  const audit: RefundAudit = {
    succeeded: 0,
    failed: 0,
    refundedTwice: 0,
    refundedUnnoticed: 0,
    succeededWithoutRefund: 0,
    postedWrong: 0,
    unfinished: 0,
  };
  for (const { amount, refunds } of charges) {
    const moved = refunds.filter(({ state }) => state !== 'failed');
    if (moved.reduce((sum, refund) => sum + BigInt(refund.amount), 0n) > BigInt(amount)) audit.refundedTwice++;
    for (const refund of moved) {
      byReference.set(refund.reference, [...(byReference.get(refund.reference) ?? []), refund]);
    }
  }
  const posted = await postedRefunds(pool);
  const { rows } = await pool.query<{ id: string; state: string; amount: string }>(
    'SELECT id, state, amount FROM refunds',
  );
  for (const row of rows) {
    const id = fromUuid('ref', row.id);
    const made = byReference.get(id) ?? [];
    byReference.delete(id);
    if (made.length > 1) audit.refundedTwice++;
    const succeeded = row.state === 'succeeded';
    if ((posted.get(id) ?? '0') !== (succeeded ? row.amount : '0')) audit.postedWrong++;
    posted.delete(id);
    if (succeeded) {
      audit.succeeded++;
      if (made[0]?.amount !== row.amount) audit.succeededWithoutRefund++;
      continue;
    }
    if (made.length > 0) audit.refundedUnnoticed++;
    if (row.state === 'failed') audit.failed++;
    else audit.unfinished++;
  }
  audit.refundedUnnoticed += byReference.size;
  audit.postedWrong += posted.size;
  return audit;
}

/** What the ledger says the provider has given back, by refund. */
async function postedRefunds(pool: Pool): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; amount: string }>(
    `SELECT split_part(t.external_ref, ':', 1) AS id, (-sum(e.amount))::text AS amount
     FROM ledger_transactions t
     JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.account_id
     WHERE t.kind IN ('refund', 'refund_reversal') AND a.code = 'psp_clearing' GROUP BY 1`,
  );
  return new Map(rows.map(({ id, amount }) => [id, amount]));
}
