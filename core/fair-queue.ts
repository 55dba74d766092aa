const anyGroup = () => true;

/** Below this many taken items a line is not worth shortening. */
const SHORTEN_FROM = 32;

/** The items of one group, first come first served. Taking from the front is O(1), which `Array.shift` is not. */
class Line<T> {
  #items: (T | undefined)[] = [];
  #taken = 0;
  /** The group whose turn is after this one's. */
  next: Line<T> | undefined;

  constructor(readonly group: string) {}

  get length(): number {
    return this.#items.length - this.#taken;
  }

  get first(): T | undefined {
    return this.#items[this.#taken];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): void {
    // Not kept until the line is shortened: items may be large.
    this.#items[this.#taken++] = undefined;
    if (this.#taken < SHORTEN_FROM || this.#taken * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
  }
}

/**
 * A queue that takes from groups in turns: one item of each group that has any, then again. So an item waits for at most
 * one of each other group, times its own place in its group, however many the others have. Items of a group keep their
 * order. Every operation is O(1) on average, but for groups that are passed over.
 */
export class FairQueue<T> {
  readonly #lines = new Map<string, Line<T>>();
  /** The groups in the order of their turns. */
  #head: Line<T> | undefined;
  #tail: Line<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(group: string, item: T): void {
    let line = this.#lines.get(group);
    if (line === undefined) {
      line = new Line(group);
      this.#lines.set(group, line);
      this.#enqueue(line);
    }
    line.push(item);
    this.#length++;
  }

  /** The item whose turn it is. */
  peek(): T | undefined {
    return this.#head?.first;
  }

  /**
   * Takes the item whose turn it is; then it is the next group's turn.
   *
   * @param mayTake - groups for which it is false are passed over and keep their turn
   */
  shift(mayTake: (group: string) => boolean = anyGroup): T | undefined {
    let before: Line<T> | undefined;
    let line = this.#head;
    while (line !== undefined && !mayTake(line.group)) {
      before = line;
      line = line.next;
    }
    if (line === undefined) return undefined;
    const item = line.first;
    line.shift();
    this.#length--;
    if (line.length > 0 && line === this.#tail) return item;
    if (before === undefined) this.#head = line.next;
    else before.next = line.next;
    if (line === this.#tail) this.#tail = before;
    line.next = undefined;
    if (line.length > 0) this.#enqueue(line);
    else this.#lines.delete(line.group);
    return item;
  }

  #enqueue(line: Line<T>): void {
    if (this.#tail === undefined) this.#head = line;
    else this.#tail.next = line;
    this.#tail = line;
  }
}
