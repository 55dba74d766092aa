import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { LEDGER_TRANSACTIONS_LIST } from '../../../infra/postgres/followed-lists';
import { type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Entry, LedgerKind, SettlementEffect } from '../rules/postings';

/** A transaction as it was posted. */
export interface LedgerTransaction {
  id: PublicId;
  kind: LedgerKind;
  externalRef: string;
  merchantId: PublicId | undefined;
  feeScheduleId: PublicId | undefined;
  currency: string;
  entries: Entry[];
  /** What it means for the merchant's settlement, if it joins one, and the run that it joined. */
  settlement: (SettlementEffect & { runId: PublicId | undefined; late: boolean }) | undefined;
  /** The transaction that this one reverses, and the one that reverses this one. */
  reversesId: PublicId | undefined;
  reversedById: PublicId | undefined;
  effectiveAt: Date;
  recordedAt: Date;
}

interface Row {
  id: string;
  kind: LedgerKind;
  external_ref: string;
  merchant_id: string | null;
  fee_schedule_id: string | null;
  reverses_id: string | null;
  effective_at: Date;
  recorded_at: Date;
}

interface PartsRow {
  id: string;
  currency: string;
  entries: { account: string; amount: string }[];
  reversed_by: string | null;
  gross: string | null;
  fee: string | null;
  fee_tax: string | null;
  run_id: string | null;
  late: boolean | null;
}

const COLUMNS = 'id, kind, external_ref, merchant_id, fee_schedule_id, reverses_id, effective_at, recorded_at';

/** Index: ledger_transactions_pkey. */
export async function findLedgerTransaction(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<LedgerTransaction | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-ledger-transaction',
    text: `SELECT ${COLUMNS} FROM ledger_transactions WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  const [found] = await withParts(db, rows);
  return found;
}

/** As {@link findLedgerTransaction}, locked until the transaction ends. */
export async function lockLedgerTransaction(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<LedgerTransaction | undefined> {
  // Only a later statement sees what another transaction did to it while this one waited, not the one that waits.
  await db.query({
    name: 'lock-ledger-transaction',
    text: 'SELECT FROM ledger_transactions WHERE id = $1 AND tenant_id = $2 FOR UPDATE',
    values: [toUuid(id), toUuid(tenantId)],
  });
  return findLedgerTransaction(db, tenantId, id);
}

/** Index: ledger_transactions_by_tenant. */
export async function listLedgerTransactions(
  db: Queryable,
  tenantId: PublicId,
  request: PageRequest,
): Promise<Page<LedgerTransaction>> {
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'ledger_transactions',
    followed: LEDGER_TRANSACTIONS_LIST,
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'place' },
  };
  const page = await readPage<Row>(db, query, request);
  return { ...page, rows: await withParts(db, page.rows) };
}

/** Indexes: ledger_entries_pkey, ledger_accounts_pkey, ledger_transactions_reverses_id_key, settlement_items_pkey. */
async function withParts(db: Queryable, rows: readonly Row[]): Promise<LedgerTransaction[]> {
  const parts = await db.query<PartsRow>({
    name: 'ledger-transaction-parts',
    text: `SELECT wanted.id, e.currency, e.entries, r.id AS reversed_by, i.gross, i.fee, i.fee_tax, i.run_id, i.late
           FROM unnest($1::uuid[]) AS wanted(id)
           CROSS JOIN LATERAL (
             SELECT min(e.currency) AS currency,
                    json_agg(json_build_object('account', a.code, 'amount', e.amount::text) ORDER BY a.code) AS entries
             FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
             WHERE e.transaction_id = wanted.id
           ) e
           LEFT JOIN ledger_transactions r ON r.reverses_id = wanted.id
           LEFT JOIN settlement_items i ON i.transaction_id = wanted.id`,
    values: [rows.map(({ id }) => id)],
  });
  const byId = new Map(parts.rows.map((part) => [part.id, part]));
  return rows.map((row) => toTransaction(row, byId.get(row.id)));
}

function toTransaction(row: Row, part: PartsRow | undefined): LedgerTransaction {
  if (part === undefined) throw new Error('a ledger transaction has no entries');
  const { gross, fee, fee_tax: feeTax, run_id: runId } = part;
  return {
    id: fromUuid('ltx', row.id),
    kind: row.kind,
    externalRef: row.external_ref,
    merchantId: row.merchant_id === null ? undefined : fromUuid('mer', row.merchant_id),
    feeScheduleId: row.fee_schedule_id === null ? undefined : fromUuid('fee', row.fee_schedule_id),
    currency: part.currency,
    entries: part.entries.map(({ account, amount }) => ({ account, amount: BigInt(amount) })),
    settlement:
      gross === null || fee === null || feeTax === null
        ? undefined
        : {
            gross: BigInt(gross),
            fee: BigInt(fee),
            feeTax: BigInt(feeTax),
            runId: runId === null ? undefined : fromUuid('set', runId),
            late: part.late === true,
          },
    reversesId: row.reverses_id === null ? undefined : fromUuid('ltx', row.reverses_id),
    reversedById: part.reversed_by === null ? undefined : fromUuid('ltx', part.reversed_by),
    effectiveAt: row.effective_at,
    recordedAt: row.recorded_at,
  };
}
