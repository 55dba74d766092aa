import type { Platform } from '../../../infra/platform/platform';
import type { Page, PageRequest } from '../../../infra/postgres/keyset';
import type { ExportPart } from '../rules/export-text';
import type { Subscriber } from '../store/subscribers';

/** Records that are read at once, and are in memory together. */
export const HELD_AT_ONCE = 50;

/**
 * A part of what is held about a subscriber. Domains that hold some describe theirs, and whoever starts the collecting puts
 * them together: this domain knows none of those above it.
 */
export interface HeldPart extends ExportPart {
  /** Reads a page of it. @param after - the `next` of the page before; undefined for the first */
  read(platform: Platform, subscriber: Subscriber, after: string | undefined): Promise<HeldPage>;
}

/** A page of a part: records as an export shows them. */
export interface HeldPage {
  records: object[];
  /** Undefined on the last page. */
  next: string | undefined;
}

/** The request for a page of a list after a place. */
export function heldRequest(after: string | undefined): PageRequest {
  const position = after === undefined ? undefined : (JSON.parse(after) as PageRequest['position']);
  return { order: 'asc', limit: HELD_AT_ONCE, position };
}

/** A page of a list, as a page of a part. */
export function heldPage<T>({ rows, next }: Page<T>, show: (row: T) => object): HeldPage {
  return { records: rows.map(show), next: next && JSON.stringify(next) };
}
