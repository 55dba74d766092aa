import type { QueryResultRow } from 'pg';
import type { Queryable } from '../infra/postgres/pool';

export type Order = 'asc' | 'desc';

/** Where a page begins, seen from a row of the page before it or behind it. */
export interface Position {
  direction: 'next' | 'previous';
  /** The row's key: a UUID in hex, or a name. */
  key: string;
  /** Whether the row itself belongs to the page. */
  inclusive: boolean;
}

export interface PageRequest {
  order: Order;
  /** Rows at most. */
  limit: number;
  /** Absent for the first page. */
  position?: Position | undefined;
}

/** A page of rows in the asked order. With filters it may hold fewer rows than asked for although there is a next one. */
export interface Page<T> {
  rows: T[];
  next: Position | undefined;
  previous: Position | undefined;
}

/** A piece of a WHERE clause, in which `?` stands for the value. */
export type Condition = readonly [sql: string, value?: unknown];

export interface KeysetQuery {
  columns: string;
  table: string;
  /** The unique column that pages are ordered by, last in the index that serves `scan`. */
  key: string;
  /** Conditions that the index serves by itself. */
  scan: readonly Condition[];
  /** Conditions checked row by row on what was scanned. */
  filter: readonly Condition[];
  /** Rows that a request with a filter looks at, at most. */
  scanBudget?: number;
}

/**
 * So many rows a filtered request looks at before it answers with what it has found: about 15 ms from memory. Without
 * it, the search for a rare state would read a tenant's whole history.
 */
export const SCAN_BUDGET = 20_000;

/** Reads one page by keyset: the cost of a page does not grow with the pages before it. */
export async function readPage<R extends QueryResultRow>(
  db: Queryable,
  query: KeysetQuery,
  request: PageRequest,
): Promise<Page<R>> {
  const { position } = request;
  const backwards = position?.direction === 'previous';
  const ascending = (request.order === 'asc') !== backwards;
  const start: Condition[] =
    position === undefined ? [] : [[`${query.key} ${comparison(ascending, position.inclusive)} ?`, position.key]];
  const scan = [...query.scan, ...start];

  const boundary = query.filter.length === 0 ? undefined : await endOfScan(db, query, scan, ascending);
  const stop: Condition[] =
    boundary === undefined ? [] : [[`${query.key} ${comparison(!ascending, true)} ?`, boundary]];
  const where = bind([...scan, ...stop, ...query.filter]);
  const { rows } = await db.query<R>({
    text: `SELECT ${query.columns} FROM ${query.table} WHERE ${where.sql}
           ORDER BY ${query.key} ${ascending ? 'ASC' : 'DESC'} LIMIT ${request.limit + 1}`,
    values: where.values,
  });

  const more = rows.length > request.limit;
  if (more) rows.pop();
  const last = more ? keyOf(rows.at(-1), query.key) : boundary;
  const first = keyOf(rows[0], query.key);
  const onward: Position | undefined =
    last === undefined ? undefined : { direction: backwards ? 'previous' : 'next', key: last, inclusive: false };
  const back: Position | undefined =
    position === undefined
      ? undefined
      : {
          direction: backwards ? 'next' : 'previous',
          key: first ?? position.key,
          inclusive: first === undefined && !position.inclusive,
        };
  if (backwards) rows.reverse();
  return backwards ? { rows, next: back, previous: onward } : { rows, next: onward, previous: back };
}

/** The key of the last row that the budget covers, `undefined` when it covers all there is. */
async function endOfScan(
  db: Queryable,
  query: KeysetQuery,
  scan: readonly Condition[],
  ascending: boolean,
): Promise<string | undefined> {
  const where = bind(scan);
  const { rows } = await db.query<QueryResultRow>({
    text: `SELECT ${query.key} FROM ${query.table} WHERE ${where.sql}
           ORDER BY ${query.key} ${ascending ? 'ASC' : 'DESC'} LIMIT 1 OFFSET ${(query.scanBudget ?? SCAN_BUDGET) - 1}`,
    values: where.values,
  });
  return keyOf(rows[0], query.key);
}

function comparison(greater: boolean, inclusive: boolean): string {
  return `${greater ? '>' : '<'}${inclusive ? '=' : ''}`;
}

function keyOf(row: QueryResultRow | undefined, key: string): string | undefined {
  const value: unknown = row?.[key];
  return typeof value === 'string' ? value : undefined;
}

function bind(conditions: readonly Condition[]): { sql: string; values: unknown[] } {
  const values: unknown[] = [];
  const parts = conditions.map(([sql, value]) => {
    if (!sql.includes('?')) return sql;
    values.push(value);
    return sql.replace('?', `$${values.length}`);
  });
  return { sql: parts.length === 0 ? 'true' : parts.join(' AND '), values };
}

/** A page whose rows are turned into something else. */
export function mapPage<R, T>(page: Page<R>, map: (row: R) => T): Page<T> {
  return { rows: page.rows.map(map), next: page.next, previous: page.previous };
}

/** A page without rows. */
export function emptyPage<T>(): Page<T> {
  return { rows: [], next: undefined, previous: undefined };
}
