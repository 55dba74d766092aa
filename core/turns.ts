/** Items of several groups that wait for a turn: groups take turns, and within a group the first come is the first. */
export class Turns<T> {
  readonly #groups = new Map<string, T[]>();
  /** Groups in the order of their turns. */
  #order: string[] = [];

  get size(): number {
    let size = 0;
    for (const items of this.#groups.values()) size += items.length;
    return size;
  }

  push(group: string, item: T): void {
    const items = this.#groups.get(group);
    if (items !== undefined) {
      items.push(item);
      return;
    }
    this.#groups.set(group, [item]);
    this.#order.push(group);
  }

  /**
   * Takes the first item of the group whose turn it is.
   *
   * @param mayTake - groups for which it is false keep their turn
   */
  take(mayTake: (group: string) => boolean = () => true): T | undefined {
    for (let position = 0; position < this.#order.length; position++) {
      const group = this.#order[position];
      if (group === undefined || !mayTake(group)) continue;
      const items = this.#groups.get(group);
      const item = items?.shift();
      this.#order.splice(position, 1);
      if (items !== undefined && items.length > 0) this.#order.push(group);
      else this.#groups.delete(group);
      return item;
    }
    return undefined;
  }
}
