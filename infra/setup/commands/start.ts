import { defaultDataDirectory } from '../paths';
import { retireGuard } from '../processes/guard';
import { Interrupted, listenForInterrupts } from '../processes/interrupts';
import { createKeeper } from '../processes/keeper';
import { say } from '../say';
import { bringUp, type Running, stopAll } from './bring-up';
import { type RunningPlaces, welcome } from './welcome';

const USAGE = `Usage: npm start [-- --once]
  --once  deliver one webhook, stop everything, print what became of it as JSON`;
const STILL_EVERY_MS = 5_000;

/** Runs Waybill on this machine until it is interrupted, or for one webhook. Resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== '--once')) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const once = args.includes('--once');
  const died = new AbortController();
  const signal = AbortSignal.any([listenForInterrupts(say), died.signal]);
  const keeper = createKeeper({ log: say, giveUp: (error) => died.abort(error) });
  const running: Running = { keeper, servers: undefined, programs: [] };
  let places: RunningPlaces | undefined;
  let failure: unknown;
  try {
    places = await bringUp({ dataDir: defaultDataDirectory(), running, log: say, signal });
    if (!once) {
      process.stdout.write(welcome(places));
      await untilAborted(signal);
    }
  } catch (error) {
    // Interrupted work fails with an error of its own; the reason for the interruption is what matters.
    failure = signal.aborted ? signal.reason : error;
  }
  await stop(running);
  if (failure instanceof Interrupted) return places === undefined || once ? failure.exitCode : 0;
  if (failure === undefined && places !== undefined) {
    process.stdout.write(`${JSON.stringify({ delivered: true, ...places.first })}\n`);
    return 0;
  }
  process.stderr.write(`\n${failure instanceof Error ? failure.message : failure}\n`);
  return 1;
}

async function stop(running: Running): Promise<void> {
  const still = setInterval(() => say('… still stopping: finishing what is under way'), STILL_EVERY_MS);
  await stopAll(running);
  await retireGuard();
  clearInterval(still);
  say('Everything is stopped');
}

/** Never resolves; rejects with the reason to stop. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

// A process that ends before it has a result has not succeeded.
process.exitCode = 1;
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  },
);
