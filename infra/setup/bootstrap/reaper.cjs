'use strict';
// Ends the processes of a set-up whose own process was killed before it could (kill -9, out of memory).
// Reads lines "+ pid start-time signal" and "- pid"; when its input ends, whatever is still listed is ended.
const readline = require('node:readline');
const { isAlive } = require('./lock.cjs');

const ASK_MS = 5_000;
const guarded = new Map();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [sign, pid, started, signal] = line.split(' ');
  if (sign === '+') guarded.set(pid, { pid: Number(pid), started: started === '-' ? undefined : started, signal });
  else guarded.delete(pid);
});
lines.on('close', async () => {
  for (const holder of left()) end(holder, holder.signal);
  for (const deadline = Date.now() + ASK_MS; left().length > 0 && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const holder of left()) end(holder, 'SIGKILL');
});

const left = () => [...guarded.values()].filter(isAlive);

function end(holder, signal) {
  try {
    // Each guarded process leads a group of its own.
    process.kill(-holder.pid, signal);
  } catch {
    // Gone in the meantime.
  }
}
