// The API under V8's sampling profiler: SIGUSR2 starts a profile, the next SIGUSR2 ends and writes it.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import path from 'node:path';
import '../../api/main';

const SAMPLE_EVERY_MICROSECONDS = 500;

const session = new Session();
session.connect();
let running = false;
let number = 0;

async function turn(): Promise<void> {
  running = !running;
  if (running) {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROSECONDS });
    await session.post('Profiler.start');
    return;
  }
  const { profile } = await session.post('Profiler.stop');
  const file = path.join(process.env.BENCH_PROFILE_FOLDER ?? '.', `api-${process.pid}-${++number}.cpuprofile`);
  // Renamed into place, so that a partial file is never read.
  writeFileSync(`${file}.part`, JSON.stringify(profile));
  renameSync(`${file}.part`, file);
}

process.on('SIGUSR2', () => {
  turn().catch((error) => console.error(error));
});
