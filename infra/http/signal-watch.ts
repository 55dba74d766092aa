/** Something to end when a signal aborts. */
export interface Abortable {
  /** Its index in its {@link SignalWatch}, which maintains it. */
  position: number;
  abort(): void;
}

const watches = new WeakMap<AbortSignal, SignalWatch>();

/**
 * One listener per signal, however many requests share it. A listener per request would be one of the client's largest
 * costs, and Node warns after ten on one signal; a `Set` of callbacks costs 5 µs a request in garbage.
 */
export class SignalWatch {
  private readonly watching: Abortable[] = [];

  static of(signal: AbortSignal): SignalWatch {
    const known = watches.get(signal);
    if (known !== undefined) return known;
    const watch = new SignalWatch();
    watches.set(signal, watch);
    signal.addEventListener('abort', () => {
      for (const abortable of [...watch.watching]) abortable.abort();
    });
    return watch;
  }

  add(abortable: Abortable): void {
    abortable.position = this.watching.length;
    this.watching.push(abortable);
  }

  remove(abortable: Abortable): void {
    const last = this.watching.pop();
    if (last === undefined || last === abortable) return;
    this.watching[abortable.position] = last;
    last.position = abortable.position;
  }
}
