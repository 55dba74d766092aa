import type { Pool } from 'pg';
import { fromUuid } from '../../core/ids';
import type { FakeCharge } from '../../infra/setup/stand-ins/fake-provider-charges';
import { auditRefunds, type RefundAudit } from './refund-audit';

/** How far the provider's charges, our payments and the ledger agree. All but the first two must be 0. */
export interface PaymentAudit {
  captured: number;
  /** Payments that ended without a charge: declined, failed, voided. */
  ended: number;
  /** References that the provider has charged more than once. */
  chargedTwice: number;
  /** Captured at the provider, and not captured here. */
  chargedUnnoticed: number;
  /** Captured here, and not at the provider, or another amount. */
  capturedWithoutCharge: number;
  /** Captured payments without exactly one capture of their amount in the ledger, and captures without a payment. */
  postedWrong: number;
  /** Authorised at the provider for a payment that has ended otherwise: the customer's money is held for nothing. */
  leftAuthorised: number;
  /** Neither captured nor ended. */
  unfinished: number;
  /** Not 0: the ledger does not balance. */
  imbalance: string;
  refunds: RefundAudit;
}

interface Row {
  id: string;
  state: string;
  amount: string;
  posted: string | null;
}

/** Compares every charge with every payment and every capture in the ledger. */
export async function auditPayments(pool: Pool, providerUrl: string): Promise<PaymentAudit> {
  const { data } = (await (await fetch(`${providerUrl}/charges`)).json()) as { data: FakeCharge[] };
  const byReference = new Map<string, FakeCharge[]>();
  for (const charge of data) byReference.set(charge.reference, [...(byReference.get(charge.reference) ?? []), charge]);
  const { rows } = await pool.query<Row>(
    `SELECT p.id, p.state, p.amount,
            (SELECT sum(e.amount)::text FROM ledger_transactions t
             JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.account_id
             WHERE t.tenant_id = p.tenant_id AND t.kind = 'capture'
               AND t.external_ref = 'pay_' || replace(p.id::text, '-', '') AND a.code = 'psp_clearing') AS posted
     FROM payments p`,
  );
  const audit: PaymentAudit = {
    captured: 0,
    ended: 0,
    chargedTwice: 0,
    chargedUnnoticed: 0,
    capturedWithoutCharge: 0,
    postedWrong: 0,
    leftAuthorised: 0,
    unfinished: 0,
    imbalance: '0',
    refunds: await auditRefunds(pool, data),
  };
  const known = new Set<string>();
  let captures = 0;
  for (const row of rows) {
    const id = fromUuid('pay', row.id);
    known.add(id);
    const charges = byReference.get(id) ?? [];
    const taken = charges.filter(({ state }) => state === 'captured');
    const held = charges.filter(({ state }) => state === 'authorised');
    if (taken.length > 1 || taken.length + held.length > 1) audit.chargedTwice++;
    if (row.posted !== null) captures++;
    if (row.state === 'captured') {
      audit.captured++;
      if (taken[0]?.amount !== row.amount) audit.capturedWithoutCharge++;
      if (row.posted !== row.amount) audit.postedWrong++;
      continue;
    }
    if (row.posted !== null) audit.postedWrong++;
    if (taken.length > 0) audit.chargedUnnoticed++;
    if (['pending', 'authorised', 'needs_review'].includes(row.state)) audit.unfinished++;
    else {
      audit.ended++;
      if (held.length > 0) audit.leftAuthorised++;
    }
  }
  for (const [reference, charges] of byReference) {
    if (!known.has(reference) && charges.some(({ state }) => state === 'captured')) audit.chargedUnnoticed++;
  }
  const ledger = await pool.query<{ captures: number; imbalance: string }>(
    `SELECT (SELECT count(*)::int FROM ledger_transactions WHERE kind = 'capture') AS captures,
            (SELECT coalesce(sum(amount), 0)::text FROM ledger_entries) AS imbalance`,
  );
  audit.postedWrong += Math.abs((ledger.rows[0]?.captures ?? 0) - captures);
  audit.imbalance = ledger.rows[0]?.imbalance ?? 'unknown';
  return audit;
}

/** Whether nothing was charged or refunded twice, lost or left behind. */
export function isSound(audit: PaymentAudit): boolean {
  const { captured: _captured, ended: _ended, imbalance, refunds, ...faults } = audit;
  const { succeeded: _succeeded, failed: _failed, ...refundFaults } = refunds;
  return imbalance === '0' && [faults, refundFaults].flatMap(Object.values<number>).every((count) => count === 0);
}
