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

// Missing accounts are created first. A transaction, its entries and its settlement item are written together or not at all:
// of a reference that is taken none is. One order for everybody, against deadlocks; lists show a `wallet_hold` before its
// `capture`, so the kinds of a reference go backwards.
const POST = `
WITH input AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS i(
    id uuid, tenant uuid, kind text, ref text, merchant uuid, fee_schedule uuid, reverses uuid, effective timestamptz,
    currency text, accounts uuid[], codes text[], types text[], amounts bigint[], gross bigint, fee bigint, fee_tax bigint)
), accounts AS (
  INSERT INTO ledger_accounts (id, tenant_id, code, type, currency)
  SELECT DISTINCT a.id, i.tenant, a.code, a.type, i.currency
  FROM input i CROSS JOIN LATERAL unnest(i.accounts, i.codes, i.types) AS a(id, code, type)
  WHERE NOT EXISTS (SELECT FROM ledger_accounts known WHERE known.id = a.id)
  ORDER BY a.id
  ON CONFLICT DO NOTHING
), posted AS (
  INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, fee_schedule_id, reverses_id, effective_at)
  SELECT id, tenant, kind, ref, merchant, fee_schedule, reverses, effective FROM input ORDER BY tenant, ref, kind DESC
  ON CONFLICT (tenant_id, kind, external_ref) DO NOTHING
  RETURNING id
), entries AS (
  INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
  SELECT i.id, e.account, i.currency, e.amount
  FROM input i CROSS JOIN LATERAL unnest(i.accounts, i.amounts) AS e(account, amount)
  WHERE i.id IN (SELECT id FROM posted)
), items AS (
  INSERT INTO settlement_items (transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net, effective_at)
  SELECT id, tenant, merchant, currency, kind, gross, fee, fee_tax, gross - fee - fee_tax, effective
  FROM input WHERE gross IS NOT NULL AND id IN (SELECT id FROM posted)
)
SELECT id FROM posted`;

/** A transaction in the ledger, and whether it is there by this call. */
export interface Posted {
  id: PublicId;
  posted: boolean;
}

/**
 * Posts transactions in one statement, each once: a repeat gives the first one.
 *
 * @param transactions - no two of the same kind and reference
 * @returns in their order
 * @throws LedgerConflict when one was posted before with other entries
 */
export async function postTransactions(
  db: Queryable,
  transactions: readonly NewLedgerTransaction[],
): Promise<Posted[]> {
  if (transactions.length === 0) return [];
  const made = transactions.map((transaction) => ({ id: newId('ltx'), transaction }));
  const { rows } = await db.query<{ id: string }>({
    name: 'post-transactions',
    text: POST,
    values: [JSON.stringify(made.map(inputOf))],
  });
  const written = new Set(rows.map(({ id }) => fromUuid('ltx', id)));
  const results: Posted[] = [];
  for (const { id, transaction } of made) {
    const posted = written.has(id);
    results.push({ id: posted ? id : await existing(db, transaction), posted });
  }
  return results;
}

/** As {@link postTransactions}, one. */
export async function postTransaction(db: Queryable, transaction: NewLedgerTransaction): Promise<Posted> {
  const [posted] = await postTransactions(db, [transaction]);
  if (posted === undefined) throw new Error('a transaction was neither posted nor found');
  return posted;
}

function inputOf({ id, transaction }: { id: PublicId; transaction: NewLedgerTransaction }) {
  const { tenantId, kind, externalRef, merchantId, feeScheduleId, reversesId, effectiveAt, currency } = transaction;
  const { entries, settlement } = transaction.posting;
  return {
    id: toUuid(id),
    tenant: toUuid(tenantId),
    kind,
    ref: externalRef,
    merchant: merchantId && toUuid(merchantId),
    fee_schedule: feeScheduleId && toUuid(feeScheduleId),
    reverses: reversesId && toUuid(reversesId),
    effective: effectiveAt,
    currency,
    accounts: accountsOf(transaction),
    codes: entries.map(({ account }) => account),
    types: entries.map(({ account }) => accountType(account)),
    amounts: entries.map(({ amount }) => amount.toString()),
    gross: settlement?.gross.toString(),
    fee: settlement?.fee.toString(),
    fee_tax: settlement?.feeTax.toString(),
  };
}

function accountsOf({ tenantId, currency, posting }: NewLedgerTransaction): string[] {
  return posting.entries.map(({ account }) => accountId({ tenantId, code: account, currency }));
}

async function existing(db: Queryable, transaction: NewLedgerTransaction): Promise<PublicId> {
  const { rows } = await db.query<{ id: string; account: string; amount: string }>({
    name: 'find-posted',
    text: `SELECT t.id, replace(e.account_id::text, '-', '') AS account, e.amount
           FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
           WHERE t.tenant_id = $1 AND t.kind = $2 AND t.external_ref = $3`,
    values: [toUuid(transaction.tenantId), transaction.kind, transaction.externalRef],
  });
  const [first] = rows;
  if (first === undefined) throw new Error('a transaction was neither posted nor found');
  const accounts = accountsOf(transaction);
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
