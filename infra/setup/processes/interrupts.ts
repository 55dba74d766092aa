import { killAll } from './managed-process';

/** The signal's reason, thrown through whatever is running when the user asks us to stop. */
export class Interrupted extends Error {
  override name = 'Interrupted';
  /** @param exitCode - the customary exit code after that signal */
  constructor(readonly exitCode: number) {
    super('interrupted');
  }
}

/** One key press may arrive more than once: from the terminal to the whole group, and passed on by npm. */
const SAME_PRESS_MS = 1_000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Turns Ctrl-C, SIGTERM and a closed terminal into an abort. A second one, later, kills everything at once.
 *
 * @param say - told that we are stopping
 */
export function listenForInterrupts(say: (line: string) => void): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  for (const [name, exitCode] of Object.entries(EXIT_CODES)) {
    process.on(name, () => {
      if (first === undefined) {
        first = Date.now();
        say('Stopping (Ctrl-C again kills at once)');
        controller.abort(new Interrupted(exitCode));
      } else if (Date.now() - first > SAME_PRESS_MS) {
        killAll();
        process.exit(exitCode);
      }
    });
  }
  // The reader of our output is gone; that is no reason to leave servers behind.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => controller.abort(new Interrupted(EXIT_CODES.SIGHUP)));
  }
  return controller.signal;
}
