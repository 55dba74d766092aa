import type { Told } from './actor-settings';
import type { Change } from './history';

/** Keeps what was asked for and what was answered. */
export class Witness {
  readonly #changes = new Map<string, Change>();
  /** Milliseconds of decisions. */
  readonly decisions: number[] = [];
  /** Those that ended, a second, over all actors. */
  decisionsPerSecond = 0;
  /** Actors that began. */
  ready = 0;

  /** Takes a line of an actor; the last one of one that was killed may be torn. */
  hear(line: string): void {
    let told: Told;
    try {
      told = JSON.parse(line) as Told;
    } catch {
      return;
    }
    if ('asked' in told) this.ask(told.asked, told.subscriberId, told.wanted);
    else if ('answered' in told) this.answer(told.answered, told);
    else if ('ready' in told) this.ready++;
    else {
      for (const ms of told.decisions) this.decisions.push(ms);
      this.decisionsPerSecond += told.decisions.length / told.seconds;
    }
  }

  ask(id: string, subscriberId: string, wanted: boolean): void {
    this.#changes.set(id, { subscriberId, wanted, answer: undefined });
  }

  answer(id: string, { version, at }: { version: number; at: number }): void {
    const change = this.#changes.get(id);
    if (change !== undefined) change.answer = { version, at };
  }

  get changes(): Change[] {
    return [...this.#changes.values()];
  }

  get answered(): number {
    return this.changes.filter(({ answer }) => answer !== undefined).length;
  }
}
