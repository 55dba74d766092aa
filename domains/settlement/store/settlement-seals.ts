import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { HashedPage, ItemKey } from '../rules/seal';

const FIRST: ItemKey = {
  merchant: '00000000-0000-0000-0000-000000000000',
  currency: '',
  transaction: '00000000-0000-0000-0000-000000000000',
};

/**
 * Hashes the items of a run that follow one, as `rules/seal.ts` says. A row's text says each of its columns, quoted where
 * it has to be; moments are numbers, since their text depends on the session. Index: settlement_items_by_run.
 *
 * @returns undefined when there are none
 */
export async function hashItems(
  db: Queryable,
  runId: PublicId,
  after: ItemKey | null,
  limit: number,
): Promise<HashedPage | undefined> {
  const { merchant, currency, transaction } = after ?? FIRST;
  const { rows } = await db.query<{ items: number; hash: string | null } & ItemKey>({
    name: 'hash-settlement-items',
    text: `WITH page AS MATERIALIZED (
             SELECT row_number() OVER (ORDER BY merchant_id, currency, transaction_id) AS n, merchant_id, currency, transaction_id,
                    ROW(transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net,
                        extract(epoch FROM effective_at), late)::text AS line
             FROM (SELECT * FROM settlement_items
                   WHERE run_id = $1 AND (merchant_id, currency, transaction_id) > ($2, $3, $4)
                   ORDER BY merchant_id, currency, transaction_id LIMIT $5) AS i
           ), hashed AS (
             SELECT count(*)::int AS items, encode(sha256(convert_to(string_agg(line, E'\\n' ORDER BY n), 'UTF8')), 'hex') AS hash
             FROM page
           )
           SELECT items, hash, merchant_id::text AS merchant, currency, transaction_id::text AS transaction
           FROM hashed JOIN page ON page.n = hashed.items`,
    values: [toUuid(runId), merchant, currency, transaction, limit],
  });
  const [row] = rows;
  if (row === undefined || row.hash === null) return undefined;
  return {
    hash: row.hash,
    items: row.items,
    last: { merchant: row.merchant, currency: row.currency, transaction: row.transaction },
  };
}

/** SHA-256, in hex, over what a run holds back, in the order of merchant and currency. Index: settlement_reserves_pkey. */
export async function hashReserves(db: Queryable, runId: PublicId): Promise<string> {
  const { rows } = await db.query<{ hash: string }>({
    name: 'hash-settlement-reserves',
    text: `SELECT encode(sha256(convert_to(coalesce(string_agg(
                    ROW(merchant_id, currency, amount, release_on - DATE '2000-01-01')::text, E'\\n'
                    ORDER BY merchant_id, currency), ''), 'UTF8')), 'hex') AS hash
           FROM settlement_reserves WHERE run_id = $1`,
    values: [toUuid(runId)],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the hash of nothing is missing');
  return row.hash;
}
