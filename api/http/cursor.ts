import type { Order, Page, PageRequest, Position } from '../../infra/postgres/keyset';
import { invalidField } from './problems';

/** Which list a cursor belongs to, and what a key in it looks like. */
export interface CursorKind {
  list: string;
  isKey(text: string): boolean;
}

/** Lists ordered by id. */
export function byId(list: string): CursorKind {
  return { list, isKey: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) };
}

/** Lists ordered by a number from the database. */
export function byNumber(list: string): CursorKind {
  return { list, isKey: (text) => /^\d{1,18}$/.test(text) };
}

const SHAPE = /^([a-z-]+):(asc|desc):(next|previous)(!?):(.{1,128})$/;

/**
 * Reads the page parameters of a list's query.
 *
 * @param defaultOrder - the order when neither query nor cursor gives one
 * @throws Problem `validation-failed` when the cursor does not belong to this list and order
 */
export function pageRequest(
  kind: CursorKind,
  query: { limit: number; cursor?: string | undefined; order?: Order | undefined },
  defaultOrder: Order,
): PageRequest {
  if (query.cursor === undefined) return { limit: query.limit, order: query.order ?? defaultOrder };
  const match = SHAPE.exec(Buffer.from(query.cursor, 'base64url').toString('latin1'));
  const [, list, order, direction, inclusive, key] = match ?? [];
  if (list !== kind.list || key === undefined || !kind.isKey(key)) {
    throw invalidField('query', '#/cursor', 'is not a cursor of this list; leave it out to start from the beginning');
  }
  if (query.order !== undefined && query.order !== order) {
    throw invalidField('query', '#/order', 'differs from the order that the cursor was made for');
  }
  return {
    limit: query.limit,
    order: order === 'asc' ? 'asc' : 'desc',
    position: { direction: direction === 'next' ? 'next' : 'previous', inclusive: inclusive === '!', key },
  };
}

/** A list's answer: the page's rows as they are shown, and cursors to the pages before and after. */
export function pageBody<T, V>(kind: CursorKind, request: PageRequest, page: Page<T>, view: (row: T) => V) {
  const cursor = (position: Position | undefined) =>
    position === undefined ? null : encode(kind.list, request.order, position);
  return { data: page.rows.map(view), next: cursor(page.next), previous: cursor(page.previous) };
}

function encode(list: string, order: Order, { direction, inclusive, key }: Position): string {
  return Buffer.from(`${list}:${order}:${direction}${inclusive ? '!' : ''}:${key}`, 'latin1').toString('base64url');
}
