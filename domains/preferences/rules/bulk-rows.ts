import { CHANNELS, type Channel } from './channels';
import { EVERYTHING } from './suppression';

/** Rows that a list in JSON may have; more come as CSV. */
export const MOST_LISTED = 1_000;

/** A row as it is given, by the names of its columns. What is empty counts as not given. */
export interface GivenRow {
  address?: string | undefined;
  channel?: string | undefined;
  scope?: string | undefined;
  expiresAt?: string | undefined;
}

/** A row as it was understood. */
export interface BulkRow {
  /** As it was given, cut where no address is as long. */
  address: string;
  channel: Channel | undefined;
  scope: string | undefined;
  /** Milliseconds since the epoch, rounded up to the second; null for never. */
  expiresAt: number | null;
  /** What is wrong with it; undefined when it can be tried. */
  problem: string | undefined;
}

const MAX_ADDRESS = 2_048;
const SCOPE = /^[A-Za-z0-9._-]{1,64}$/;
const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/i;

/**
 * Reads a row. What is wrong with one row is said of it and keeps no other from being suppressed.
 *
 * @param channel - of rows that name none
 */
export function readBulkRow(given: GivenRow, channel: Channel | undefined): BulkRow {
  const address = given.address ?? '';
  const named = given.channel?.trim().toLowerCase();
  const scope = given.scope?.trim();
  const expiresAt = given.expiresAt?.trim();
  const row: BulkRow = {
    address: address.slice(0, MAX_ADDRESS),
    channel: named ? CHANNELS.find((one) => one === named) : channel,
    scope: !scope ? EVERYTHING : scope === EVERYTHING || SCOPE.test(scope) ? scope : undefined,
    expiresAt: null,
    problem: undefined,
  };
  if (address.trim() === '') return { ...row, problem: 'address: is empty' };
  if (address.length > MAX_ADDRESS) return { ...row, problem: `address: may have ${MAX_ADDRESS} characters` };
  if (row.channel === undefined) {
    const hint = named ? 'is none of' : 'is not given, neither here nor for all: one of';
    return { ...row, problem: `channel: ${hint} ${CHANNELS.join(', ')}` };
  }
  if (row.scope === undefined) return { ...row, problem: 'scope: is neither * nor the key of a category' };
  if (!expiresAt) return row;
  const ms = MOMENT.test(expiresAt) ? Date.parse(expiresAt.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(ms)) return { ...row, problem: 'expires_at: expected a moment such as 2030-01-31T12:00:00Z' };
  return { ...row, expiresAt: Math.ceil(ms / 1_000) * 1_000 };
}

const COLUMNS = { address: 'address', channel: 'channel', scope: 'scope', expires_at: 'expiresAt' } as const;
const NAMES = Object.keys(COLUMNS).join(', ');

/** What is wrong with a file as a whole: nothing of it is suppressed. */
export interface FileFault {
  /** Of the record, from 1 for the header. */
  row: number;
  /** From 1. */
  column: number;
  detail: string;
}

/** The columns of a file, in their order. */
export type FileColumns = (keyof GivenRow)[];

/** Reads the first record, which names the columns: `address` and, where wanted, `channel`, `scope` and `expires_at`. */
export function readHeader(cells: readonly string[]): FileColumns | FileFault {
  const columns: FileColumns = [];
  for (const [index, cell] of cells.entries()) {
    const name = cell.trim().toLowerCase();
    const at = { row: 1, column: index + 1 };
    if (!isColumn(name)) {
      const hint = /[;\t|]/.test(cell) ? ' The cells are separated by commas.' : '';
      return { ...at, detail: `"${shown(cell)}" names no column; there are ${NAMES}.${hint}` };
    }
    if (columns.includes(COLUMNS[name])) return { ...at, detail: `"${name}" is named twice.` };
    columns.push(COLUMNS[name]);
  }
  if (!columns.includes('address'))
    return { row: 1, column: 1, detail: 'The first row has to name a column "address".' };
  return columns;
}

/** Reads another record. @param row - its number, from 1 for the header */
export function readCells(cells: readonly string[], columns: FileColumns, row: number): GivenRow | FileFault {
  if (cells.length !== columns.length) {
    const column = Math.min(cells.length, columns.length) + 1;
    return { row, column, detail: `It has ${cells.length} cells; the header names ${columns.length} columns.` };
  }
  const given: GivenRow = {};
  for (const [index, column] of columns.entries()) given[column] = cells[index];
  return given;
}

export function isFault(read: GivenRow | FileColumns | FileFault): read is FileFault {
  return 'detail' in read;
}

function isColumn(name: string): name is keyof typeof COLUMNS {
  return Object.hasOwn(COLUMNS, name);
}

/** Whoever forgets the header has an address there, which errors do not repeat. */
function shown(cell: string): string {
  return /[@\d]/.test(cell) ? '…' : cell.slice(0, 40);
}
