import { setTimeout as sleep } from 'node:timers/promises';
import { ManagedProcess, type ProcessError } from '../../infra/setup/processes/managed-process';
import type { Server } from '../../infra/setup/servers/server';
import { progress } from './progress';

const TRIES = 20;
const PAUSE_MS = 500;

/** A process kept up as by an init system: killed by the run, started again until it stays up. */
export class Supervised {
  /** How often it ended without being killed. */
  unexpectedExits = 0;
  #starting: Promise<void> | undefined;

  constructor(
    readonly name: string,
    private readonly target: ManagedProcess | Server,
    private readonly signal: AbortSignal,
  ) {
    const report = (error: ProcessError) => {
      this.unexpectedExits++;
      progress(`${name} ended by itself: ${error.message.split('\n', 1)[0]}`);
      this.start().catch(() => undefined);
    };
    if (target instanceof ManagedProcess) target.onUnexpectedExit = report;
    else target.onUnexpectedExit(report);
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.target.kill('SIGKILL');
  }

  /** Resolves when it is ready; tried again when it ends at start, as it may while a server it needs is still away. */
  start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    const began = performance.now();
    for (let tries = 1; ; tries++) {
      this.signal.throwIfAborted();
      try {
        await this.target.restart();
        const seconds = ((performance.now() - began) / 1_000).toFixed(1);
        progress(`${this.name} is ready again after ${seconds} s${tries > 1 ? ` and ${tries} starts` : ''}`);
        return;
      } catch (error) {
        if (tries >= TRIES) throw error;
        await sleep(PAUSE_MS, undefined, { signal: this.signal });
      }
    }
  }
}
