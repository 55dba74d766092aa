import type { Queryable } from '../../../infra/postgres/pool';
import type { Confidence, ReconciliationStatus } from '../rules/reconcile';
import { FEWEST_DIGITS, OVER_ALL_ROWS, SHORTEST_CUT } from './reconciliation-staging';

/** By which of their names lines (`n`) and candidates (`cn`) are held against each other. */
interface Level {
  line: string;
  lineWhere: string;
  candidate: string;
  candidateWhere: string;
  from?: string;
  /** Whether several candidates that are alike are none. */
  unique: boolean;
}

const LEVELS: Readonly<Record<Confidence, Level>> = {
  exact: {
    line: 'n.name',
    lineWhere: 'NOT n.within',
    candidate: 'cn.name',
    candidateWhere: 'true',
    unique: false,
  },
  high: {
    line: 'n.fold',
    lineWhere: 'true',
    candidate: 'cn.fold',
    candidateWhere: 'true',
    unique: false,
  },
  medium: {
    line: 'n.fold',
    lineWhere: `length(n.fold) >= ${SHORTEST_CUT}`,
    candidate: 'left(cn.fold, cuts.length)',
    candidateWhere: 'length(cn.fold) > cuts.length',
    from: `CROSS JOIN (SELECT DISTINCT length(fold) AS length FROM reconciliation_open
                       WHERE length(fold) >= ${SHORTEST_CUT}) AS cuts`,
    unique: true,
  },
  low: {
    line: 'n.fold',
    lineWhere: `n.fold ~ '^[0-9]{${FEWEST_DIGITS},}$'`,
    candidate: 'cn.digits',
    candidateWhere: 'true',
    unique: true,
  },
};

/** What else has to agree. A payout and its return have one name, and differ in the direction. */
const AGREEMENTS = {
  all: { columns: 'kind, currency, amount', where: 'true' },
  direction: { columns: 'kind, currency, direction', where: 'true' },
  currency: { columns: 'kind, currency', where: "c.item_kind NOT LIKE 'payout%'" },
  name: { columns: 'kind', where: "c.item_kind NOT LIKE 'payout%'" },
} as const;

type Pass = readonly [ReconciliationStatus, keyof typeof AGREEMENTS, Confidence];

/**
 * From the strictest match to the loosest, so that each of several lines with one reference finds its own. A reference
 * that was changed beyond its spelling only counts if amount and currency are right, or if nothing else is left.
 */
const PASSES: readonly Pass[] = [
  ['matched', 'all', 'exact'],
  ['matched', 'all', 'high'],
  ['matched', 'all', 'medium'],
  ['amount_mismatch', 'direction', 'exact'],
  ['amount_mismatch', 'direction', 'high'],
  ['matched', 'all', 'low'],
  ['amount_mismatch', 'currency', 'exact'],
  ['amount_mismatch', 'currency', 'high'],
  ['currency_mismatch', 'name', 'exact'],
  ['currency_mismatch', 'name', 'high'],
  ['amount_mismatch', 'direction', 'medium'],
];
const FIRST_PASS = PASSES.slice(0, 1);

/**
 * Pairs lines and candidates that agree, one to one: the n-th line with the n-th candidate of those that are alike. A
 * line or candidate of several names may be in several pairs, of which one is kept; the others have another chance.
 */
function pairing([, agreement, confidence]: Pass): string {
  const { columns, where } = AGREEMENTS[agreement];
  const level = LEVELS[confidence];
  return `
WITH lines AS (
  SELECT *, row_number() OVER (PARTITION BY key, ${columns} ORDER BY line) AS nth
  FROM (
    SELECT DISTINCT u.line, ${level.line} AS key, u.kind, u.currency, u.amount, sign(u.amount) AS direction
    FROM reconciliation_upload u JOIN reconciliation_names n USING (line)
    WHERE u.status IS NULL AND ${level.lineWhere}
  ) AS l
), candidates AS (
  SELECT *, row_number() OVER (PARTITION BY key, ${columns} ORDER BY own DESC, id) AS nth,
         count(*) OVER (PARTITION BY key, ${columns}) AS alike
  FROM (
    SELECT c.id, ${level.candidate} AS key, c.kind, c.currency, c.amount, sign(c.amount) AS direction, c.own,
           min(cn.rank) AS rank
    FROM reconciliation_candidates c JOIN reconciliation_candidate_names cn ON cn.candidate = c.id ${level.from ?? ''}
    WHERE NOT c.taken AND ${level.candidateWhere} AND ${where}
    GROUP BY c.id, 2
  ) AS c
), pairs AS (
  SELECT DISTINCT ON (l.line) l.line, c.id, c.rank
  FROM lines l JOIN candidates c USING (key, ${columns}, nth)
  ${level.unique ? 'WHERE c.alike = 1' : ''}
  ORDER BY l.line, c.rank, c.id
), chosen AS (
  SELECT DISTINCT ON (id) id, line FROM pairs ORDER BY id, rank, line
), taken AS (
  UPDATE reconciliation_candidates c SET taken = true FROM chosen WHERE c.id = chosen.id
)
UPDATE reconciliation_upload u SET candidate = chosen.id, status = $1, confidence = $2
FROM chosen WHERE u.line = chosen.line`;
}

/**
 * The tables change between the queries, and what is known of them does not: taken for few rows, thousands would be
 * compared with thousands one by one.
 */
const MANY_WITH_MANY = 'SET LOCAL enable_nestloop = off';
const OTHERWISE = 'SET LOCAL enable_nestloop = on';

/**
 * Pairs what is staged.
 *
 * @param passes - `first`: only by the very reference, with the right amount
 * @returns how many lines have no match yet
 */
export async function pairUp(db: Queryable, passes: 'first' | 'all'): Promise<number> {
  await db.query({ text: MANY_WITH_MANY });
  for (const pass of passes === 'first' ? FIRST_PASS : PASSES) {
    const [status, , confidence] = pass;
    const statement = { text: pairing(pass), values: [status, confidence], ...OVER_ALL_ROWS };
    while (((await db.query(statement)).rowCount ?? 0) > 0);
  }
  await db.query({ text: OTHERWISE });
  const { rows } = await db.query<{ count: string }>({
    text: 'SELECT count(*) FROM reconciliation_upload WHERE status IS NULL',
  });
  return Number(rows[0]?.count ?? 0);
}

/** Tells apart, among lines without a match, what was matched before from what nobody knows. */
export async function judgeUnpaired(db: Queryable): Promise<void> {
  await db.query({ text: MANY_WITH_MANY });
  await db.query({
    text: `UPDATE reconciliation_upload u SET status = 'duplicate'
           FROM (
             SELECT DISTINCT u.line
             FROM reconciliation_upload u
             JOIN reconciliation_names n ON n.line = u.line AND NOT n.within
             JOIN (SELECT DISTINCT cn.fold, c.kind
                   FROM reconciliation_candidates c JOIN reconciliation_candidate_names cn ON cn.candidate = c.id
                   WHERE cn.rank = 1) AS known ON known.fold = n.fold AND known.kind = u.kind
             WHERE u.status IS NULL
           ) AS found WHERE u.line = found.line`,
    ...OVER_ALL_ROWS,
  });
  await db.query({ text: "UPDATE reconciliation_upload SET status = 'missing_internal' WHERE status IS NULL" });
  await db.query({ text: OTHERWISE });
}
