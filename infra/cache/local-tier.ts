import { LRUCache } from 'lru-cache';

/** A value that this process remembers. Times are of its own monotonic clock, in milliseconds. */
export interface LocalEntry<T> {
  value: T | undefined;
  /** Until then it is answered with. */
  useUntil: number;
  /** Until then it is as good as new. */
  freshUntil: number;
  /** Until then it is better than nothing. */
  staleUntil: number;
  /** How long its load took, in milliseconds. */
  loadMs: number;
  /** Not to be refreshed before: a load has failed just now. */
  retryAt: number;
  tagIds: readonly string[];
  bytes: number;
}

/** The nearest level: this process, bounded in bytes; what was used longest ago goes first. */
export class LocalTier<T> {
  evictions = 0;
  readonly #entries: LRUCache<string, LocalEntry<T>>;
  readonly #byTag = new Map<string, Set<string>>();

  constructor(maxBytes: number) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }, id) => bytes + 2 * id.length,
      dispose: ({ tagIds }, id, reason) => {
        if (reason === 'evict') this.evictions++;
        for (const tag of tagIds) {
          const ids = this.#byTag.get(tag);
          ids?.delete(id);
          if (ids?.size === 0) this.#byTag.delete(tag);
        }
      },
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): LocalEntry<T> | undefined {
    return this.#entries.get(id);
  }

  set(id: string, entry: LocalEntry<T>): void {
    this.#entries.set(id, entry);
    if (!this.#entries.has(id)) return;
    for (const tag of entry.tagIds) {
      const ids = this.#byTag.get(tag);
      if (ids === undefined) this.#byTag.set(tag, new Set([id]));
      else ids.add(id);
    }
  }

  delete(id: string): void {
    this.#entries.delete(id);
  }

  deleteTag(tagId: string): void {
    for (const id of [...(this.#byTag.get(tagId) ?? [])]) this.#entries.delete(id);
  }

  deleteWhere(matches: (id: string) => boolean): void {
    for (const id of [...this.#entries.keys()]) if (matches(id)) this.#entries.delete(id);
  }

  clear(): void {
    this.#entries.clear();
  }
}
