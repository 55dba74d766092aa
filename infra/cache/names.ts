import type { Keyring } from '../keyring';

/** The tag that every entry of a namespace has: to drop it is to drop them all. */
export const EVERYTHING = '';

/**
 * What keys and tags are called outside of the process. The braces make all keys of a namespace live on one node of a
 * Redis Cluster, as its scripts need.
 */
export interface Names {
  /** What entries and leases are called by. */
  id(key: string): string;
  /** All that another process may call the key by: it may encrypt with another key of the ring. */
  ids(key: string): string[];
  tagId(tag: string): string;
  tagIds(tag: string): string[];
  entry(id: string): string;
  lease(id: string): string;
  tag(id: string): string;
  /** What keys of tags begin with. */
  readonly tagBase: string;
  /** What an encrypted value is bound to. */
  place(id: string): string;
}

/** @param keyring - for names that say nothing */
export function namesOf(namespace: string, keyring: Keyring | undefined): Names {
  const base = `cache:{${namespace}}`;
  const hidden = (kind: string, text: string) => keyring?.digests(`cache/${namespace}/${kind}`, text) ?? [text];
  const current = (names: readonly string[]) => names[0] ?? '';
  const tagIds = (tag: string) => (tag === EVERYTHING ? [tag] : hidden('tag', tag));
  return {
    id: (key) => current(hidden('key', key)),
    ids: (key) => hidden('key', key),
    tagId: (tag) => current(tagIds(tag)),
    tagIds,
    entry: (id) => `${base}:e:${id}`,
    lease: (id) => `${base}:l:${id}`,
    tag: (id) => `${base}:t:${id}`,
    tagBase: `${base}:t:`,
    place: (id) => `cache/${namespace}/${id}`,
  };
}
