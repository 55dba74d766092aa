import type { QueryResultRow } from 'pg';
import { uuidFloor } from '../../core/ids';
import { type FollowedList, settledBefore } from './followed-lists';
import type { Queryable } from './pool';

export type Order = 'asc' | 'desc';

/** Where a page begins, relative to a row of the page before or after it. */
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
  /**
   * Whether the list is followed while others write, in ascending order: a page ends before what may still come between
   * its rows, and always has a next one, which begins where it ended.
   */
  follow?: boolean | undefined;
}

/**
 * A page of rows in the requested order. With filters it may hold fewer rows than the limit and still have a next page.
 */
export interface Page<T> {
  rows: T[];
  next: Position | undefined;
  previous: Position | undefined;
}

/** A piece of a WHERE clause, in which each `?` stands for one of the values. */
export type Condition = readonly [sql: string, ...values: unknown[]];

export interface KeysetQuery {
  columns: string;
  table: string;
  index: {
    /** The column before the key, if there is one, and the value it has in all rows of the list. */
    prefix?: readonly [column: string, value: string];
    /** The unique column that pages are ordered by. */
    key: string;
    /** The condition of a partial index. */
    where?: string;
  };
  /** Keys from this one on (a UUID in hex). */
  from?: string | undefined;
  /** Keys before this one (a UUID in hex). */
  before?: string | undefined;
  /** Conditions that hold for all or nearly all rows of the scan. */
  fixed?: readonly Condition[];
  /** Conditions that few rows may meet; they are checked row by row within the scan budget. */
  filter?: readonly Condition[];
  /** Of a list that can be followed; `in-order` when its rows become visible in the order of their keys, which are numbers. */
  followed?: FollowedList | 'in-order';
  /** Most rows that a filtered request looks at. Default {@link SCAN_BUDGET}. */
  scanBudget?: number;
}

/**
 * How many rows a filtered request looks at before it answers with what it has found: about 15 ms from memory. Without
 * it, the search for a rare state would read a tenant's whole history.
 */
export const SCAN_BUDGET = 20_000;

interface Bound {
  key: string;
  inclusive: boolean;
}

interface Scan {
  ascending: boolean;
  lower: Bound | undefined;
  upper: Bound | undefined;
}

/**
 * Reads one page by keyset: the cost of a page does not grow with the pages before it.
 *
 * The prefix is bounded by comparing rows, `(tenant_id, id) < ($1, $2)`, and never by `tenant_id = $1`. With the
 * equality Postgres sees that `ORDER BY id` is enough, and may walk the primary key through everybody's rows to find
 * the few of this tenant: measured at 100,000 rows it does, and for a tenant whose rows are old that means reading the
 * whole table.
 */
export async function readPage<R extends QueryResultRow>(
  db: Queryable,
  query: KeysetQuery,
  request: PageRequest,
): Promise<Page<R>> {
  return request.follow === true ? readFollowed(db, query, request) : readSettled(db, query, request);
}

/** What is settled is read by a later statement, so that it is seen. */
async function readFollowed<R extends QueryResultRow>(
  db: Queryable,
  query: KeysetQuery,
  request: PageRequest,
): Promise<Page<R>> {
  const { followed } = query;
  if (followed === undefined) throw new Error(`${query.table} cannot be followed`);
  if (followed === 'in-order') {
    const page = await readSettled<R>(db, query, request);
    const last = keyOf(page.rows.at(-1), query);
    const end = last === undefined ? (request.position ?? onwardFrom('0')) : { ...onwardFrom(last), inclusive: false };
    return { rows: page.rows, next: page.next ?? end, previous: undefined };
  }
  const settled = dashed(uuidFloor(await settledBefore(db, followed)));
  const { position } = request;
  // What is being written may be older than where the reader is.
  if (position !== undefined && position.key >= settled) return { rows: [], next: position, previous: undefined };
  const before = query.before !== undefined && dashed(query.before) < settled ? dashed(query.before) : settled;
  const page = await readSettled<R>(db, { ...query, before }, request);
  return { rows: page.rows, next: page.next ?? onwardFrom(before), previous: undefined };
}

function onwardFrom(key: string): Position {
  return { direction: 'next', key, inclusive: true };
}

function dashed(uuid: string): string {
  return uuid.replaceAll('-', '').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

async function readSettled<R extends QueryResultRow>(
  db: Queryable,
  query: KeysetQuery,
  request: PageRequest,
): Promise<Page<R>> {
  const { position } = request;
  const backwards = position?.direction === 'previous';
  const scan = scanOf(query, (request.order === 'asc') !== backwards, position);
  const boundary = (query.filter ?? []).length === 0 ? undefined : await endOfScan(db, query, scan);
  if (boundary !== undefined) scan[scan.ascending ? 'upper' : 'lower'] = { key: boundary, inclusive: true };

  const statement = select(query.columns, query, scan, [...(query.fixed ?? []), ...(query.filter ?? [])]);
  const { rows } = await db.query<R>({ ...statement, text: `${statement.text} LIMIT ${request.limit + 1}` });

  const more = rows.length > request.limit;
  if (more) rows.pop();
  const last = more ? keyOf(rows.at(-1), query) : boundary;
  const first = keyOf(rows[0], query);
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

function scanOf(query: KeysetQuery, ascending: boolean, position: Position | undefined): Scan {
  const lower = query.from === undefined ? undefined : { key: query.from, inclusive: true };
  const upper = query.before === undefined ? undefined : { key: query.before, inclusive: false };
  if (position === undefined) return { ascending, lower, upper };
  // One bound per side: given two, Postgres may start from either.
  return ascending
    ? { ascending, lower: tighter(lower, position, 1), upper }
    : { ascending, lower, upper: tighter(upper, position, -1) };
}

function tighter(bound: Bound | undefined, position: Position, sign: 1 | -1): Bound {
  if (bound === undefined) return position;
  const [given, asked] = [position.key.replaceAll('-', ''), bound.key.replaceAll('-', '')];
  return given === asked
    ? { key: bound.key, inclusive: bound.inclusive && position.inclusive }
    : given > asked === sign > 0
      ? position
      : bound;
}

/** The key of the last row that the budget covers, `undefined` when it covers all there is. */
async function endOfScan(db: Queryable, query: KeysetQuery, scan: Scan): Promise<string | undefined> {
  const statement = select(query.index.key, query, scan, []);
  const offset = (query.scanBudget ?? SCAN_BUDGET) - 1;
  const { rows } = await db.query<QueryResultRow>({ ...statement, text: `${statement.text} LIMIT 1 OFFSET ${offset}` });
  return keyOf(rows[0], query);
}

function select(
  columns: string,
  query: KeysetQuery,
  scan: Scan,
  further: readonly Condition[],
): { text: string; values: unknown[] } {
  const { prefix, key } = query.index;
  const values: unknown[] = [];
  const conditions = [...boundsOf(query, scan), ...further].map(([sql, ...given]) => {
    for (const value of given) values.push(value);
    let next = values.length - given.length;
    return sql.replace(/\?/g, () => `$${++next}`);
  });
  const direction = scan.ascending ? 'ASC' : 'DESC';
  const order = [...(prefix === undefined ? [] : [prefix[0]]), key]
    .map((column) => `${column} ${direction}`)
    .join(', ');
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return { text: `SELECT ${columns} FROM ${query.table}${where} ORDER BY ${order}`, values };
}

function boundsOf(query: KeysetQuery, { lower, upper }: Scan): Condition[] {
  const { prefix, key, where } = query.index;
  const partial: Condition | undefined = where === undefined ? undefined : [where];
  const bounds = [partial, boundOf(prefix, key, '>', lower), boundOf(prefix, key, '<', upper)];
  return bounds.filter((bound) => bound !== undefined);
}

function boundOf(
  prefix: KeysetQuery['index']['prefix'],
  key: string,
  comparison: '>' | '<',
  bound: Bound | undefined,
): Condition | undefined {
  const operator = bound?.inclusive === false ? comparison : `${comparison}=`;
  if (prefix === undefined) return bound === undefined ? undefined : [`${key} ${operator} ?`, bound.key];
  const [column, value] = prefix;
  if (bound === undefined) return [`${column} ${operator} ?`, value];
  return [`(${column}, ${key}) ${operator} (?, ?)`, value, bound.key];
}

function keyOf(row: QueryResultRow | undefined, query: KeysetQuery): string | undefined {
  const value: unknown = row?.[query.index.key];
  return typeof value === 'string' ? value : undefined;
}

/** Maps the rows of a page. */
export function mapPage<R, T>(page: Page<R>, map: (row: R) => T): Page<T> {
  return { rows: page.rows.map(map), next: page.next, previous: page.previous };
}

/** A page without rows. */
export function emptyPage<T>(): Page<T> {
  return { rows: [], next: undefined, previous: undefined };
}
