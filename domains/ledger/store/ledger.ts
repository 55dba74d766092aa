import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { LedgerConflict } from '../rules/errors';
import { accountType, type LedgerKind, type Posting } from '../rules/postings';
import { type AccountRef, accountId } from './account-id';

/** A transaction about to be posted. */
export interface NewLedgerTransaction {
  tenantId: PublicId;
  kind: LedgerKind;
  /** What it is posted for. The same kind and reference are posted only once. */
  externalRef: string;
  currency: string;
  posting: Posting;
  merchantId?: PublicId;
  feeScheduleId?: PublicId | undefined;
  reversesId?: PublicId;
  effectiveAt: Date;
}

// Missing accounts are created first. Transaction, entries and settlement item are written together or not at all: if
// the reference is taken, no row is returned and none of them is written.
const POST = `
WITH accounts AS (
  INSERT INTO ledger_accounts (id, tenant_id, code, type, currency)
  SELECT a.id, $2, a.code, a.type, $9
  FROM unnest($10::uuid[], $11::text[], $12::text[]) AS a(id, code, type)
  WHERE NOT EXISTS (SELECT FROM ledger_accounts known WHERE known.id = a.id)
  ORDER BY a.id
  ON CONFLICT DO NOTHING
), posted AS (
  INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, fee_schedule_id, reverses_id, effective_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (tenant_id, kind, external_ref) DO NOTHING
  RETURNING id, tenant_id, merchant_id, kind, effective_at
), entries AS (
  INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
  SELECT posted.id, e.account, $9, e.amount FROM posted, unnest($10::uuid[], $13::bigint[]) AS e(account, amount)
), items AS (
  INSERT INTO settlement_items (transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net, effective_at)
  SELECT id, tenant_id, merchant_id, $9, kind, $14::bigint, $15::bigint, $16::bigint,
         $14::bigint - $15::bigint - $16::bigint, effective_at
  FROM posted WHERE $14::bigint IS NOT NULL
)
SELECT id FROM posted`;

/**
 * Posts a transaction, once: a repeat returns the first one.
 *
 * @throws LedgerConflict when it was posted before with other entries
 */
export async function postTransaction(
  db: Queryable,
  transaction: NewLedgerTransaction,
): Promise<{ id: PublicId; posted: boolean }> {
  const { tenantId, kind, externalRef, currency, posting, effectiveAt } = transaction;
  const { entries, settlement } = posting;
  const accounts = entries.map(({ account }) => accountId({ tenantId, code: account, currency }));
  const id = newId('ltx');
  const { rows } = await db.query<{ id: string }>({
    name: 'post-transaction',
    text: POST,
    values: [
      toUuid(id),
      toUuid(tenantId),
      kind,
      externalRef,
      transaction.merchantId === undefined ? null : toUuid(transaction.merchantId),
      transaction.feeScheduleId === undefined ? null : toUuid(transaction.feeScheduleId),
      transaction.reversesId === undefined ? null : toUuid(transaction.reversesId),
      effectiveAt,
      currency,
      accounts,
      entries.map(({ account }) => account),
      entries.map(({ account }) => accountType(account)),
      entries.map(({ amount }) => amount.toString()),
      settlement?.gross.toString() ?? null,
      settlement?.fee.toString() ?? null,
      settlement?.feeTax.toString() ?? null,
    ],
  });
  if (rows[0] !== undefined) return { id, posted: true };
  return { id: await existing(db, transaction, accounts), posted: false };
}

async function existing(db: Queryable, transaction: NewLedgerTransaction, accounts: string[]): Promise<PublicId> {
  const { rows } = await db.query<{ id: string; account: string; amount: string }>({
    name: 'find-posted',
    text: `SELECT t.id, replace(e.account_id::text, '-', '') AS account, e.amount
           FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
           WHERE t.tenant_id = $1 AND t.kind = $2 AND t.external_ref = $3`,
    values: [toUuid(transaction.tenantId), transaction.kind, transaction.externalRef],
  });
  const [first] = rows;
  if (first === undefined) throw new Error('a transaction was neither posted nor found');
  const wanted = new Map(transaction.posting.entries.map(({ amount }, index) => [accounts[index], amount]));
  const same = rows.length === wanted.size && rows.every((row) => wanted.get(row.account) === BigInt(row.amount));
  if (!same) {
    throw new LedgerConflict(`${transaction.kind} ${transaction.externalRef} was posted before with other entries`);
  }
  return fromUuid('ltx', first.id);
}

/** The transaction that was posted for something. Index: ledger_transactions_tenant_id_kind_external_ref_key. */
export async function findPosted(
  db: Queryable,
  { tenantId, kind, externalRef }: Pick<NewLedgerTransaction, 'tenantId' | 'kind' | 'externalRef'>,
): Promise<PublicId | undefined> {
  const { rows } = await db.query<{ id: string }>({
    name: 'find-posted-transaction',
    text: 'SELECT id FROM ledger_transactions WHERE tenant_id = $1 AND kind = $2 AND external_ref = $3',
    values: [toUuid(tenantId), kind, externalRef],
  });
  return rows[0] === undefined ? undefined : fromUuid('ltx', rows[0].id);
}

/** A kept balance, or else the sum of all entries. Indexes: ledger_balances_pkey, ledger_entries_by_account. */
const balanceOf = (account: string) => `coalesce(
  (SELECT balance FROM ledger_balances WHERE account_id = ${account}),
  (SELECT sum(amount) FROM ledger_entries WHERE account_id = ${account}), 0)::text`;

/**
 * The balance of an account, 0 when it has no entries. That of a wallet, or of what a merchant is owed, is kept; for
 * another one all entries are summed up.
 */
export async function accountBalance(db: Queryable, account: AccountRef): Promise<bigint> {
  const { rows } = await db.query<{ balance: string }>({
    name: 'account-balance',
    text: `SELECT ${balanceOf('$1')} AS balance`,
    values: [accountId(account)],
  });
  return BigInt(rows[0]?.balance ?? '0');
}

/** As {@link accountBalance}, of some accounts, in their order. */
export async function accountBalances(db: Queryable, accounts: readonly AccountRef[]): Promise<bigint[]> {
  const { rows } = await db.query<{ balance: string }>({
    name: 'account-balances',
    text: `SELECT ${balanceOf('a.id')} AS balance FROM unnest($1::uuid[]) WITH ORDINALITY AS a(id, position) ORDER BY a.position`,
    values: [accounts.map(accountId)],
  });
  return rows.map(({ balance }) => BigInt(balance));
}
