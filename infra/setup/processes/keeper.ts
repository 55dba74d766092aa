import { setTimeout as sleep } from 'node:timers/promises';
import { ProcessError } from './managed-process';

/** How often, and how soon, a dead process is restarted. */
export interface RestartPolicy {
  /** Restarts within `withinMs`, for each process; after one more death it is given up. */
  atMost: number;
  withinMs: number;
  /** Milliseconds before the first restart; doubled before each further one. */
  firstPauseMs: number;
}

/** What can be kept running: a process of ours. */
export interface Kept {
  /** Starts it again on the same port and data. Resolves when it is ready; stops it again when aborted. */
  restart(signal: AbortSignal): Promise<void>;
  /** Registers a callback for when it ends without being asked to. */
  onUnexpectedExit(report: (error: ProcessError) => void): void;
}

/** Restarts processes that die. */
export interface Keeper {
  /** @param afterwards - further steps of a restart, such as telling it what it has forgotten */
  keep(target: Kept, afterwards?: () => Promise<void>): void;
  /** From now on nothing is restarted. Resolves when no restart is under way. */
  end(): Promise<void>;
}

const POLICY: RestartPolicy = { atMost: 5, withinMs: 5 * 60_000, firstPauseMs: 500 };

export function createKeeper(options: {
  /** Told of each death and each restart. */
  log(line: string): void;
  /** Told when something died too often or cannot be restarted. */
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

/** Counts one more death. Returns the milliseconds to wait before the next start; `undefined` after too many deaths. */
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
