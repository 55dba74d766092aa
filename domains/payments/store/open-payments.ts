import type { Queryable } from '../../../infra/postgres/pool';

/** Payments in one state that are not over. */
export interface OpenPayments {
  /** At most {@link MOST_COUNTED}. */
  count: number;
  /** Since the oldest was made, in seconds; 0 when there is none. */
  oldestSeconds: number;
}

/** Counting more would only cost more: by then everybody knows. */
export const MOST_COUNTED = 10_000;

const measure = (states: string) => `
  SELECT count(*)::int AS count, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS seconds
  FROM (SELECT created_at FROM payments WHERE state IN (${states}) LIMIT ${MOST_COUNTED}) AS open`;

/** Payments under way. Index: payments_due. */
export async function measureUnderWay(db: Queryable): Promise<OpenPayments> {
  return read(db, 'payments-under-way', measure("'pending', 'authorised'"));
}

/** Payments that wait for a person. Index: payments_in_review. */
export async function measureInReview(db: Queryable): Promise<OpenPayments> {
  return read(db, 'payments-in-review', measure("'needs_review'"));
}

async function read(db: Queryable, name: string, text: string): Promise<OpenPayments> {
  const { rows } = await db.query<{ count: number; seconds: number }>({ name, text });
  return { count: rows[0]?.count ?? 0, oldestSeconds: rows[0]?.seconds ?? 0 };
}
