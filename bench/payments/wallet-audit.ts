import type { Pool } from 'pg';

/** How far wallets, payments from them and the ledger agree. All but the first must be 0. */
export interface WalletAudit {
  captured: number;
  /** Declined, failed or open, although every wallet has enough. */
  notCaptured: number;
  /** Captured payments without exactly one hold and one capture of their amount in the ledger. */
  postedWrong: number;
  /** Wallets with less than nothing, with money still held, or whose kept balance is not the sum of their entries. */
  walletsWrong: number;
}

/** Compares every payment from a wallet with the ledger. */
export async function auditWallets(pool: Pool): Promise<WalletAudit> {
  const { rows } = await pool.query<WalletAudit>(
    `WITH posted AS (
       SELECT t.external_ref AS ref, t.kind, sum(e.amount) AS amount
       FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
       JOIN ledger_accounts a ON a.id = e.account_id
       WHERE t.kind IN ('wallet_hold', 'capture') AND a.code LIKE 'wallet\\_held:%' GROUP BY 1, 2
     ), checked AS (
       SELECT p.state = 'captured' AS captured, coalesce(h.amount, 0) AS held, coalesce(c.amount, 0) AS taken, p.amount
       FROM payments p
       LEFT JOIN posted h ON h.kind = 'wallet_hold' AND h.ref = 'pay_' || replace(p.id::text, '-', '')
       LEFT JOIN posted c ON c.kind = 'capture' AND c.ref = 'pay_' || replace(p.id::text, '-', '')
       WHERE p.wallet_id IS NOT NULL
     ), summed AS (
       SELECT a.code LIKE 'wallet:%' AS available, -sum(e.amount) AS sum, -max(b.balance) AS kept
       FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id
       LEFT JOIN ledger_balances b ON b.account_id = a.id
       WHERE a.code LIKE 'wallet:%' OR a.code LIKE 'wallet\\_held:%' GROUP BY a.id
     )
     SELECT count(*) FILTER (WHERE captured)::int AS captured,
            count(*) FILTER (WHERE NOT captured)::int AS "notCaptured",
            count(*) FILTER (WHERE captured AND (held <> -amount OR taken <> amount)
                                OR NOT captured AND (held <> 0 OR taken <> 0))::int AS "postedWrong",
            (SELECT count(*) FILTER (WHERE sum IS DISTINCT FROM kept OR sum < 0 OR NOT available AND sum <> 0)::int
             FROM summed) AS "walletsWrong"
     FROM checked`,
  );
  const [audit] = rows;
  if (audit === undefined) throw new Error('the query returned no row');
  return audit;
}

/** Whether every payment was made once, and no wallet has less or more than it should. */
export function areWalletsSound({ notCaptured, postedWrong, walletsWrong }: WalletAudit): boolean {
  return notCaptured + postedWrong + walletsWrong === 0;
}
