import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { ReconciliationLine } from '../rules/reconciliation-line';
import { namesOf } from '../rules/references';

// The file and what it may name, in tables that are gone with the transaction. A line and a transaction have several
// names each; `fold` is a name without what banks change of it: its case, spaces and punctuation.

const UPLOAD_PAGE = 5_000;
/** A bank may report a payout, or that it came back, so many days after its settlement. */
const PAYOUT_DAYS = 60;

/** In milliseconds; the pool's own bound is for queries over few rows. */
export const OVER_ALL_ROWS = { query_timeout: 600_000 };

// No regular expressions: names of millions of transactions are folded.
const PUNCTUATION = " !\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~";
/** A name that has no letter or digit stays as it is. */
const folded = (name: string) => `coalesce(nullif(upper(translate(${name}, '${PUNCTUATION}', '')), ''), ${name})`;
const digitsOf = (fold: string) => `translate(${fold}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '')`;

// In a file without kinds, '' is the kind of every line and candidate, so they match whatever their kind.
const STAGING = `
CREATE TEMP TABLE reconciliation_upload (
  line bigint PRIMARY KEY, reference text NOT NULL, kind text NOT NULL, currency text NOT NULL, amount bigint NOT NULL,
  candidate bigint, status text, confidence text
) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_names (
  line bigint NOT NULL, name text NOT NULL, within boolean NOT NULL,
  fold text NOT NULL GENERATED ALWAYS AS (${folded('name')}) STORED
) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_elsewhere (transaction_id uuid PRIMARY KEY) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_candidates (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, transaction_id uuid NOT NULL, item_kind text NOT NULL,
  reference text NOT NULL, kind text NOT NULL, currency text NOT NULL, amount bigint NOT NULL,
  settled_on date, own boolean NOT NULL, taken boolean NOT NULL,
  UNIQUE (transaction_id, item_kind)
) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_candidate_names (
  candidate bigint NOT NULL, name text NOT NULL,
  -- 1: its own; 2: of the payment that it belongs to; 3: of the order.
  rank smallint NOT NULL,
  fold text NOT NULL GENERATED ALWAYS AS (${folded('name')}) STORED,
  digits text NOT NULL GENERATED ALWAYS AS (${digitsOf(folded('name'))}) STORED,
  PRIMARY KEY (candidate, name)
) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_missing (
  transaction_id uuid PRIMARY KEY, kind text NOT NULL, currency text NOT NULL, amount bigint NOT NULL
) ON COMMIT DROP`;

/** The day that a file is compared with. */
export interface ComparedDay {
  tenantId: PublicId;
  runId: PublicId;
  /** `YYYY-MM-DD` */
  date: string;
  periodStart: Date;
  periodEnd: Date;
  /** Of how many business days before and after, transactions may be in the file. */
  days: number;
  /** Whether the lines have a kind; if so, it must be the transaction's. */
  hasKinds: boolean;
}

/** Makes the tables and puts the file into them. */
export async function stageLines(db: Queryable, lines: readonly ReconciliationLine[]): Promise<void> {
  await db.query({ text: STAGING });
  for (let at = 0; at < lines.length; at += UPLOAD_PAGE) await upload(db, lines.slice(at, at + UPLOAD_PAGE));
  await db.query({ text: 'ANALYZE reconciliation_upload, reconciliation_names, reconciliation_elsewhere' });
}

async function upload(db: Queryable, lines: readonly ReconciliationLine[]): Promise<void> {
  await db.query({
    text: `INSERT INTO reconciliation_upload (line, reference, kind, currency, amount)
           SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[])`,
    values: [
      lines.map(({ line }) => line),
      lines.map(({ references: [first] }) => first),
      lines.map(({ kind }) => kind ?? ''),
      lines.map(({ currency }) => currency),
      lines.map(({ amount }) => amount.toString()),
    ],
  });
  const names = lines.flatMap(({ line, references }) => namesOf(references).map((one) => ({ line, ...one })));
  await db.query({
    text: `INSERT INTO reconciliation_names (line, name, within)
           SELECT * FROM unnest($1::bigint[], $2::text[], $3::boolean[])`,
    values: [names.map(({ line }) => line), names.map(({ name }) => name), names.map(({ within }) => within)],
  });
}

/**
 * Notes what the files of neighbouring days have, by each day's latest reconciliation: nothing is matched twice.
 * Index: settlement_runs_tenant_id_business_date_key, reconciliation_runs_by_run, reconciliation_items_pkey.
 */
export async function stageElsewhere(db: Queryable, day: ComparedDay): Promise<void> {
  await db.query({
    text: `WITH latest AS (
             SELECT DISTINCT ON (r.run_id) r.id
             FROM settlement_runs s JOIN reconciliation_runs r ON r.run_id = s.id
             WHERE s.tenant_id = $1 AND s.business_date BETWEEN $2::date - $3::int AND $2::date + $3::int
               AND s.business_date <> $2::date
             ORDER BY r.run_id, r.id DESC
           )
           INSERT INTO reconciliation_elsewhere
           SELECT DISTINCT i.transaction_id FROM latest JOIN reconciliation_items i ON i.reconciliation_id = latest.id
           WHERE i.line IS NOT NULL AND i.transaction_id IS NOT NULL AND i.kind NOT LIKE 'payout%'`,
    values: [toUuid(day.tenantId), day.date, day.days],
    ...OVER_ALL_ROWS,
  });
}

/** Finds the day's own transactions by their references as the file has them: nearly always all there is to find. */
export async function stageOwn(db: Queryable, day: ComparedDay): Promise<void> {
  await db.query({
    text: `INSERT INTO reconciliation_candidates (transaction_id, item_kind, reference, kind, currency, amount, settled_on,
                                                  own, taken)
           SELECT i.transaction_id, i.kind, t.external_ref, CASE WHEN $2 THEN i.kind ELSE '' END, i.currency, i.gross,
                  $3::date, true, EXISTS (SELECT FROM reconciliation_elsewhere e WHERE e.transaction_id = i.transaction_id)
           FROM settlement_items i JOIN ledger_transactions t ON t.id = i.transaction_id
           WHERE i.run_id = $1 AND t.external_ref IN (SELECT name FROM reconciliation_names WHERE NOT within)
             AND NOT (i.kind = 'adjustment' AND t.external_ref LIKE 'out\\_%')
           ORDER BY i.transaction_id`,
    values: [toUuid(day.runId), day.hasKinds, day.date],
    ...OVER_ALL_ROWS,
  });
  await db.query({
    text: `INSERT INTO reconciliation_candidate_names (candidate, name, rank)
           SELECT id, reference, 1 FROM reconciliation_candidates`,
  });
  await db.query({ text: 'ANALYZE reconciliation_candidates, reconciliation_candidate_names' });
}

// What the day and its neighbours have, with every name that a provider or bank may use. A returned payout is booked as
// an adjustment, but stays a payout for the bank.
const NAMED = `
items AS MATERIALIZED (
  SELECT i.*, t.external_ref,
         CASE WHEN t.external_ref ~ '^(pay|ref|cbk)_[0-9a-f]{32}$' THEN substr(t.external_ref, 5)::uuid END AS subject
  FROM (
    SELECT i.transaction_id, i.kind, i.currency, i.gross, s.business_date AS settled_on, s.id = $2 AS own
    FROM settlement_runs s JOIN settlement_items i ON i.run_id = s.id
    WHERE s.tenant_id = $1 AND s.business_date BETWEEN $3::date - $4::int AND $3::date + $4::int
    UNION ALL
    SELECT i.transaction_id, i.kind, i.currency, i.gross, NULL, false
    FROM settlement_items i
    WHERE i.tenant_id = $1 AND i.run_id IS NULL AND i.effective_at >= $5::timestamptz - make_interval(days => $4::int)
      AND i.effective_at < $6::timestamptz + make_interval(days => $4::int)
  ) AS i JOIN ledger_transactions t ON t.id = i.transaction_id
  WHERE NOT (i.kind = 'adjustment' AND t.external_ref LIKE 'out\\_%')
), named AS (
  SELECT i.transaction_id, i.kind, i.external_ref AS reference, i.currency, i.gross AS amount, i.settled_on, i.own,
         EXISTS (SELECT FROM reconciliation_elsewhere e WHERE e.transaction_id = i.transaction_id) AS taken, n.name, n.rank
  FROM items i
  LEFT JOIN refunds r ON i.kind = 'refund' AND r.id = i.subject
  LEFT JOIN chargebacks c ON i.kind IN ('chargeback', 'chargeback_reversal') AND c.id = i.subject
  LEFT JOIN payments p ON p.id = CASE i.kind WHEN 'capture' THEN i.subject WHEN 'refund' THEN r.payment_id
                                             ELSE c.payment_id END
  LEFT JOIN orders o ON o.id = p.order_id
  CROSS JOIN LATERAL (VALUES
    (i.external_ref, 1),
    ('ltx_' || replace(i.transaction_id::text, '-', ''), 1),
    (CASE i.kind WHEN 'capture' THEN p.provider_reference WHEN 'refund' THEN r.provider_reference
                 ELSE c.provider_reference END, 1),
    (CASE WHEN i.kind <> 'capture' THEN 'pay_' || replace(p.id::text, '-', '') END, 2),
    (CASE WHEN i.kind <> 'capture' THEN p.provider_reference END, 2),
    ('ord_' || replace(o.id::text, '-', ''), 3),
    (o.reference, 3)
  ) AS n(name, rank)
  UNION ALL
  SELECT p.id, leg.kind, 'out_' || replace(p.id::text, '-', ''), p.currency, leg.amount, p.business_date, false, leg.taken,
         n.name, 1
  FROM settlement_runs s
  JOIN payouts p ON p.run_id = s.id
  LEFT JOIN reconciliation_runs pr ON pr.id = p.paid_by
  LEFT JOIN reconciliation_runs rr ON rr.id = p.returned_by
  CROSS JOIN LATERAL (VALUES
    ('payout', -p.amount, p.paid_at IS NOT NULL AND pr.run_id IS DISTINCT FROM $2),
    ('payout_return', p.amount, p.returned_at IS NOT NULL AND rr.run_id IS DISTINCT FROM $2)
  ) AS leg(kind, amount, taken)
  CROSS JOIN LATERAL (VALUES
    ('out_' || replace(p.id::text, '-', '')),
    ('ltx_' || replace(p.id::text, '-', ''))
  ) AS n(name)
  WHERE s.tenant_id = $1 AND s.business_date > $3::date - ${PAYOUT_DAYS} AND s.business_date <= $3::date + $4::int
)`;

/** The shortest beginning of a name that is taken for it. */
export const SHORTEST_CUT = 20;
/** The shortest run of digits that is taken for a name. */
export const FEWEST_DIGITS = 8;

/**
 * Finds everything that lines without a match may mean: transactions of the day, of its neighbours, and not settled yet,
 * by any of their names, changed as banks do; and payouts.
 */
export async function stageOthers(db: Queryable, day: ComparedDay): Promise<void> {
  await db.query({
    text: `CREATE TEMP TABLE reconciliation_open ON COMMIT DROP AS
           SELECT DISTINCT n.name, n.fold FROM reconciliation_names n JOIN reconciliation_upload u USING (line)
           WHERE u.status IS NULL`,
    ...OVER_ALL_ROWS,
  });
  await db.query({
    text: `CREATE TEMP TABLE reconciliation_found ON COMMIT DROP AS
           WITH ${NAMED}
           SELECT DISTINCT named.*
           FROM named CROSS JOIN LATERAL (SELECT ${folded('name')} AS fold OFFSET 0) AS f
           WHERE f.fold IN (SELECT fold FROM reconciliation_open)
              OR ${digitsOf('f.fold')} IN (SELECT fold FROM reconciliation_open WHERE fold ~ '^[0-9]{${FEWEST_DIGITS},}$')
              OR left(f.fold, ${SHORTEST_CUT}) IN (
                   SELECT left(fold, ${SHORTEST_CUT}) FROM reconciliation_open WHERE length(fold) >= ${SHORTEST_CUT})`,
    values: [toUuid(day.tenantId), toUuid(day.runId), day.date, day.days, day.periodStart, day.periodEnd],
    ...OVER_ALL_ROWS,
  });
  await db.query({
    text: `INSERT INTO reconciliation_candidates (transaction_id, item_kind, reference, kind, currency, amount, settled_on,
                                                  own, taken)
           SELECT DISTINCT transaction_id, kind, reference, CASE WHEN $1 THEN kind ELSE '' END, currency, amount, settled_on,
                  own, taken
           FROM reconciliation_found ORDER BY transaction_id, kind
           ON CONFLICT DO NOTHING`,
    values: [day.hasKinds],
    ...OVER_ALL_ROWS,
  });
  await db.query({
    text: `INSERT INTO reconciliation_candidate_names (candidate, name, rank)
           SELECT c.id, f.name, min(f.rank)
           FROM reconciliation_found f
           JOIN reconciliation_candidates c ON c.transaction_id = f.transaction_id AND c.item_kind = f.kind
           GROUP BY c.id, f.name
           ON CONFLICT DO NOTHING`,
    ...OVER_ALL_ROWS,
  });
  await db.query({ text: 'ANALYZE reconciliation_candidates, reconciliation_candidate_names' });
}

/**
 * Notes what the file should have and does not: what went through the provider and is in no neighbour's file. Wallet
 * payments and adjustments are internal, and payouts take days; they count only when the file has them.
 */
export async function stageMissing(db: Queryable, { runId }: ComparedDay, clearing: string): Promise<void> {
  // Pairing has changed nearly every row. Taken for few, what is taken would be read again for each item.
  await db.query({ text: 'ANALYZE reconciliation_upload, reconciliation_candidates' });
  await db.query({
    text: `INSERT INTO reconciliation_missing
           SELECT i.transaction_id, i.kind, i.currency, i.gross FROM settlement_items i
           WHERE i.run_id = $1
             AND EXISTS (SELECT FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
                         WHERE e.transaction_id = i.transaction_id AND a.code = $2)
             AND NOT EXISTS (SELECT FROM reconciliation_elsewhere e WHERE e.transaction_id = i.transaction_id)
             AND NOT EXISTS (SELECT FROM reconciliation_candidates c
                             WHERE c.transaction_id = i.transaction_id AND c.item_kind = i.kind AND c.taken)`,
    values: [toUuid(runId), clearing],
    ...OVER_ALL_ROWS,
  });
  await db.query({ text: 'ANALYZE reconciliation_missing' });
}
