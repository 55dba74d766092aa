import { z } from 'zod';
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

/** Query parameter of the lists that can be followed. */
export const followQuery = {
  follow: z
    .literal('true')
    .optional()
    .meta({
      description:
        'Oldest first, for reading on while others write: a page ends before what may still come between its entries, and ' +
        '`next` is never null. Come back with it for what is new.',
    }),
};

const SHAPE = /^([a-z-]+):(asc|desc|follow):(next|previous)(!?):(.{1,128})$/;

/**
 * Reads the page parameters of a list's query.
 *
 * @param defaultOrder - the order when neither query nor cursor gives one
 * @throws Problem `validation-failed` when the cursor does not belong to this list and order
 */
export function pageRequest(
  kind: CursorKind,
  query: { limit: number; cursor?: string | undefined; order?: Order | undefined; follow?: 'true' | undefined },
  defaultOrder: Order,
): PageRequest {
  if (query.follow !== undefined && query.order === 'desc') {
    throw invalidField('query', '#/order', 'must be asc, or left out, for a list that is followed');
  }
  if (query.cursor === undefined) {
    if (query.follow !== undefined) return { limit: query.limit, order: 'asc', follow: true };
    return { limit: query.limit, order: query.order ?? defaultOrder };
  }
  const match = SHAPE.exec(Buffer.from(query.cursor, 'base64url').toString('latin1'));
  const [, list, order, direction, inclusive, key] = match ?? [];
  if (list !== kind.list || key === undefined || !kind.isKey(key)) {
    throw invalidField('query', '#/cursor', 'is not a cursor of this list; leave it out to start from the beginning');
  }
  if (query.follow !== undefined && order !== 'follow') {
    throw invalidField('query', '#/follow', 'differs from the list that the cursor was made for');
  }
  if (query.order !== undefined && query.order !== (order === 'follow' ? 'asc' : order)) {
    throw invalidField('query', '#/order', 'differs from the order that the cursor was made for');
  }
  return {
    limit: query.limit,
    order: order === 'desc' ? 'desc' : 'asc',
    follow: order === 'follow',
    position: { direction: direction === 'next' ? 'next' : 'previous', inclusive: inclusive === '!', key },
  };
}

/** A list's answer: the page's rows as they are shown, and cursors to the pages before and after. */
export function pageBody<T, V>(kind: CursorKind, request: PageRequest, page: Page<T>, view: (row: T) => V) {
  const cursor = (position: Position | undefined) =>
    position === undefined ? null : encode(kind.list, request.follow === true ? 'follow' : request.order, position);
  return { data: page.rows.map(view), next: cursor(page.next), previous: cursor(page.previous) };
}

function encode(list: string, order: Order | 'follow', { direction, inclusive, key }: Position): string {
  return Buffer.from(`${list}:${order}:${direction}${inclusive ? '!' : ''}:${key}`, 'latin1').toString('base64url');
}
