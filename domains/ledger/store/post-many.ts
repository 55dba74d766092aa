import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { accountType } from '../rules/postings';
import { accountId } from './account-id';
import { type NewLedgerTransaction, postTransaction } from './ledger';

// As `postTransaction`, for a batch: missing accounts first; transaction, entries and settlement item of a reference
// that is taken are not written.
const POST_MANY = `
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
  SELECT id, tenant, kind, ref, merchant, fee_schedule, reverses, effective FROM input ORDER BY tenant, kind, ref
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

/**
 * Posts a batch of transactions in one statement, each once: a repeat changes nothing.
 *
 * @param transactions - no two of the same kind and reference
 * @throws LedgerConflict when one was posted before with other entries
 */
export async function postTransactions(db: Queryable, transactions: readonly NewLedgerTransaction[]): Promise<void> {
  if (transactions.length === 0) return;
  const byId = new Map<PublicId, NewLedgerTransaction>();
  const input = transactions.map((transaction) => {
    const id = newId('ltx');
    byId.set(id, transaction);
    return inputOf(id, transaction);
  });
  const { rows } = await db.query<{ id: string }>({
    name: 'post-transactions',
    text: POST_MANY,
    values: [JSON.stringify(input)],
  });
  for (const { id } of rows) byId.delete(fromUuid('ltx', id));
  // Rare: only to compare what is there already.
  for (const transaction of byId.values()) await postTransaction(db, transaction);
}

function inputOf(id: PublicId, transaction: NewLedgerTransaction) {
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
    accounts: entries.map(({ account }) => accountId({ tenantId, code: account, currency })),
    codes: entries.map(({ account }) => account),
    types: entries.map(({ account }) => accountType(account)),
    amounts: entries.map(({ amount }) => amount.toString()),
    gross: settlement?.gross.toString(),
    fee: settlement?.fee.toString(),
    fee_tax: settlement?.feeTax.toString(),
  };
}
