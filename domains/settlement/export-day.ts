import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import { begun } from '../../core/text-pieces';
import type { Queryable } from '../../infra/postgres/pool';
import { SettlementRefusal } from './refusals';
import { CAMT_END, camtBegin, NO_ENTRIES, STATEMENT_END, statementBegin, transactionEntry } from './rules/camt053';
import { STATEMENT_COLUMNS, statementRecord, TRANSACTION_COLUMNS, transactionRecord } from './rules/csv-statements';
import {
  inParts,
  type NamedStatement,
  type SettledDay,
  type Statement,
  type StatementTransaction,
} from './rules/statement';
import { settledDay } from './settled-day';
import { inExport } from './store/report';
import {
  hasStatements,
  statementKey,
  statementPages,
  transactionPages,
  transactionTotals,
} from './store/settlement-exports';

/** The format of an export: CSV, ISO 20022 camt.053.001.08, or JSON. */
export type ExportFormat = 'csv' | 'camt053' | 'json';

/** The detail of an export: statements only, or every transaction. */
export type Detail = 'statements' | 'transactions';

/** How each part of an export is shown as JSON. */
export interface ExportViews {
  day(day: SettledDay): unknown;
  statement(statement: NamedStatement): unknown;
  transaction(transaction: StatementTransaction): unknown;
}

/** What to export of a day, and how. */
export interface ExportRequest {
  tenantId: PublicId;
  /** `YYYY-MM-DD` */
  date: string;
  format: ExportFormat;
  detail: Detail;
  views: ExportViews;
}

/**
 * Exports a settled day, piece by piece: no more than a page of it is in memory. The first piece is made at once, so
 * that an early failure can still be answered as an error.
 *
 * @throws SettlementRefusal when the day is not settled, or has no statements and the format needs one
 */
export async function exportDay({ pool }: { pool: Pool }, request: ExportRequest): Promise<AsyncIterable<string>> {
  const { tenantId, date, format, detail, views } = request;
  const day = await settledDay(pool, tenantId, date);
  if (format === 'camt053' && !(await hasStatements(pool, day.runId))) {
    const what = 'The day has no statements, and a camt.053 message must have one: use csv or json.';
    throw new SettlementRefusal('no-statements', what);
  }
  const db = inExport(pool);
  switch (format) {
    case 'csv':
      return begun(csvPieces(db, day, detail));
    case 'camt053':
      return begun(camtPieces(db, day, detail));
    case 'json':
      return begun(jsonPieces(db, day, detail, views));
  }
}

/** A day as CSV: a line per statement, or per transaction. */
async function* csvPieces(db: Queryable, day: SettledDay, detail: Detail): AsyncGenerator<string> {
  if (detail === 'transactions') {
    yield TRANSACTION_COLUMNS;
    for await (const page of transactionPages(db, day.runId)) {
      for (const transaction of page) yield transactionRecord(day, transaction);
    }
    return;
  }
  yield STATEMENT_COLUMNS;
  for await (const page of statementPages(db, day.runId)) {
    for (const statement of page) yield statementRecord(day, statement);
  }
}

/** A day as JSON: the run, its statements and, if asked for, their transactions. */
async function* jsonPieces(db: Queryable, day: SettledDay, detail: Detail, views: ExportViews): AsyncGenerator<string> {
  yield `{"run":${JSON.stringify(views.day(day))},"statements":[`;
  yield* listPieces(statementPages(db, day.runId), views.statement);
  if (detail === 'transactions') {
    yield '],"transactions":[';
    yield* listPieces(transactionPages(db, day.runId), views.transaction);
  }
  yield ']}';
}

async function* listPieces<T>(pages: AsyncIterable<T[]>, view: (row: T) => unknown): AsyncGenerator<string> {
  let separator = '';
  for await (const page of pages) {
    for (const row of page) {
      yield separator + JSON.stringify(view(row));
      separator = ',';
    }
  }
}

/** Transactions whose totals are taken by one statement: while it runs, the client is sent nothing. */
const ITEMS_AT_ONCE = 200_000n;

/** A day as camt.053: a statement per merchant and currency, with an entry per transaction, or per kind. */
async function* camtPieces(db: Queryable, day: SettledDay, detail: Detail): AsyncGenerator<string> {
  const transactions = detail === 'transactions' ? new TransactionReader(db, day) : undefined;
  yield camtBegin(day);
  for await (const page of statementPages(db, day.runId)) {
    for (const part of inParts(page, ITEMS_AT_ONCE)) {
      const totals = transactions === undefined ? undefined : await transactionTotals(db, day.runId, part);
      for (const statement of part) {
        const ofStatement = totals === undefined ? undefined : (totals.get(statementKey(statement)) ?? NO_ENTRIES);
        yield statementBegin(day, statement, ofStatement);
        if (transactions !== undefined) {
          for await (const rows of transactions.of(statement)) {
            for (const row of rows) yield transactionEntry(day, row);
          }
        }
        yield STATEMENT_END;
      }
    }
  }
  yield CAMT_END;
}

/** Hands out a run's transactions by statement. Both are read in the same order. */
class TransactionReader {
  readonly #pages: AsyncGenerator<StatementTransaction[]>;
  #page: StatementTransaction[] = [];
  #at = 0;

  constructor(db: Queryable, day: SettledDay) {
    this.#pages = transactionPages(db, day.runId);
  }

  /** The transactions of a statement. Ask for statements in their order. */
  async *of(statement: Statement): AsyncGenerator<StatementTransaction[]> {
    const key = statementKey(statement);
    for (;;) {
      while (this.#keyAt(this.#at) < key) this.#at++;
      const begin = this.#at;
      while (this.#keyAt(this.#at) === key) this.#at++;
      if (this.#at > begin) yield this.#page.slice(begin, this.#at);
      if (this.#at < this.#page.length) return;
      const next = await this.#pages.next();
      if (next.done === true) return;
      this.#page = next.value;
      this.#at = 0;
    }
  }

  /** Past the page's end, a key that sorts after all others. */
  #keyAt(index: number): string {
    const row = this.#page[index];
    return row === undefined ? '\uFFFF' : statementKey(row);
  }
}
