'use strict';
// One process at a time: a lock file that names its holder, so that a lock left by a killed process does not last.
const fs = require('node:fs');
const path = require('node:path');

const TURN_MS = 5_000;

/**
 * Takes the lock, or says who holds it. Released when the process exits, or by `release()`.
 *
 * @param {string} file
 * @returns {{ taken: true, release(): void } | { taken: false, pid: number }}
 */
function takeLock(file) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, JSON.stringify({ pid: process.pid, started: startedAt(process.pid) }));
  try {
    for (;;) {
      try {
        // link, unlike open and write, makes the lock visible only with its content.
        fs.linkSync(draft, file);
        return held(file);
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const holder = readHolder(file);
      if (holder !== undefined && isAlive(holder)) return { taken: false, pid: holder.pid };
      removeStale(file);
    }
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

function held(file) {
  const release = () => {
    process.off('exit', release);
    if (readHolder(file)?.pid === process.pid) fs.rmSync(file, { force: true });
  };
  process.on('exit', release);
  return { taken: true, release };
}

/**
 * Removes the lock if its holder is gone. One process at a time does so: between looking and removing, another one could
 * have removed it and taken its own.
 */
function removeStale(file) {
  const turn = `${file}.removing`;
  try {
    fs.mkdirSync(turn);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    waitForTurn(turn);
    return;
  }
  try {
    const holder = readHolder(file);
    if (holder === undefined || !isAlive(holder)) fs.rmSync(file, { force: true });
  } finally {
    fs.rmdirSync(turn);
  }
}

/** Removing takes no time, so a turn that lasts was left by a process killed during it. */
function waitForTurn(turn) {
  const stat = fs.statSync(turn, { throwIfNoEntry: false });
  if (stat !== undefined && Date.now() - stat.mtimeMs > TURN_MS) fs.rmSync(turn, { recursive: true, force: true });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}

function readHolder(file) {
  try {
    const holder = JSON.parse(fs.readFileSync(file, 'utf8'));
    return Number.isInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder) {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  // The pid may belong to another process by now; the start time shows that.
  const started = startedAt(holder.pid);
  return started === undefined || holder.started === undefined || started === holder.started;
}

/** When a process started, in the kernel's ticks since boot; undefined where /proc does not say. */
function startedAt(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

module.exports = { takeLock, isAlive, startedAt };
