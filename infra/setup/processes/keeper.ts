import { setTimeout as sleep } from 'node:timers/promises';
import { ProcessError } from './managed-process';

/** How often, and how soon, what has died is started again. */
export interface RestartPolicy {
  /** Starts again within `withinMs`, each one's own; after one more death it is given up. */
  atMost: number;
  withinMs: number;
  /** Milliseconds before the first start again; twice as long before each further one. */
  firstPauseMs: number;
}

/** What can be kept running: a process of ours. */
export interface Kept {
  /** Starts it again on the same port and data. Resolves when it is ready; stops it again when aborted. */
  restart(signal: AbortSignal): Promise<void>;
  /** Has a look-out called when it ends although nobody asked it to. */
  onUnexpectedExit(report: (error: ProcessError) => void): void;
}

/** Starts again what dies. */
export interface Keeper {
  /** @param afterwards - what a start again takes besides, such as telling it what it has forgotten */
  keep(target: Kept, afterwards?: () => Promise<void>): void;
  /** From now on nothing is started again. Resolves when no start is under way. */
  end(): Promise<void>;
}

const POLICY: RestartPolicy = { atMost: 5, withinMs: 5 * 60_000, firstPauseMs: 500 };

export function createKeeper(options: {
  /** Told of each death and of each start again. */
  log(line: string): void;
  /** Told when something died too often, or cannot be started again. */
  giveUp(error: Error): void;
  policy?: RestartPolicy;
}): Keeper {
  const { log, giveUp, policy = POLICY } = options;
  const ended = new AbortController();
  const underWay = new Set<Promise<void>>();

  const revive = async (target: Kept, deaths: number[], afterwards: () => Promise<void>, death: ProcessError) => {
    for (let last = death; ; ) {
      const pauseMs = nextPause(deaths, policy);
      if (pauseMs === undefined) throw tooOften(last, policy);
      const count = `${deaths.length} of at most ${policy.atMost} times within ${policy.withinMs / 60_000} min`;
      log(`${last.program} ${last.what}, see ${last.logFile}`);
      log(`  it is started again in ${pauseMs / 1_000} s (${count})`);
      await sleep(pauseMs, undefined, { signal: ended.signal });
      try {
        await target.restart(ended.signal);
        await afterwards();
        log(`${last.program} runs again`);
        return;
      } catch (error) {
        if (!(error instanceof ProcessError)) throw error;
        last = error;
      }
    }
  };

  return {
    keep: (target, afterwards = async () => {}) => {
      const deaths: number[] = [];
      target.onUnexpectedExit((death) => {
        if (ended.signal.aborted) return;
        const reviving = revive(target, deaths, afterwards, death)
          .catch((error: unknown) => {
            if (!ended.signal.aborted) giveUp(error instanceof Error ? error : new Error(String(error)));
          })
          .finally(() => underWay.delete(reviving));
        underWay.add(reviving);
      });
    },
    end: async () => {
      ended.abort();
      await Promise.all(underWay);
    },
  };
}

/** Notes one more death. Returns the milliseconds to wait before the next start; `undefined` after too many deaths. */
function nextPause(deaths: number[], { atMost, withinMs, firstPauseMs }: RestartPolicy): number | undefined {
  const now = performance.now();
  const recent = deaths.filter((at) => now - at < withinMs);
  deaths.splice(0, deaths.length, ...recent, now);
  return deaths.length > atMost ? undefined : firstPauseMs * 2 ** (deaths.length - 1);
}

function tooOften(last: ProcessError, { atMost, withinMs }: RestartPolicy): Error {
  const minutes = withinMs / 60_000;
  return new Error(
    `${last.program} was started again ${atMost} times within ${minutes} min and died again: ${last.message}`,
  );
}
