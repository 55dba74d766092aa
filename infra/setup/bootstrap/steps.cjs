'use strict';
// Reports long steps to the user: what, since when, and the last lines of output when one fails.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');

const STILL_EVERY_MS = 10_000;
const KILL_AFTER_MS = 2_000;
const SHOWN_LINES = 20;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Prints a line with the time since this process started. */
function say(text) {
  const seconds = (performance.now() / 1000).toFixed(1).padStart(5);
  process.stdout.write(`[${seconds} s] ${text}\n`);
}

/**
 * Runs a command, its output going to a file.
 *
 * @param {{ title: string, command: string, args: string[], cwd: string, logFile: string }} step
 * @returns {Promise<{ ok: boolean, output: string }>} whether it ended well, and its first and last lines of output
 */
async function runStep(step) {
  fs.mkdirSync(path.dirname(step.logFile), { recursive: true });
  const log = fs.openSync(step.logFile, 'w');
  const began = performance.now();
  const still = setInterval(() => {
    say(`… still ${step.title}, ${Math.round((performance.now() - began) / 1000)} s`);
  }, STILL_EVERY_MS);
  const child = spawn(step.command, step.args, { cwd: step.cwd, stdio: ['ignore', log, log] });
  const interrupt = (signal) => {
    child.kill('SIGTERM');
    // npm carries on regardless; the next start redoes whatever it leaves half done.
    setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    child.once('close', () => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    const failure = await new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) =>
        resolve(code === 0 ? undefined : `it ended with ${signal ?? `code ${code}`}`),
      );
    });
    const output = shorten(fs.readFileSync(step.logFile, 'utf8'), step.logFile);
    return { ok: failure === undefined, output: failure === undefined ? output : `${output}\n(${failure})` };
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    clearInterval(still);
    fs.closeSync(log);
  }
}

/** npm says what is wrong first, compilers say it last. */
function shorten(text, file) {
  const lines = text.trimEnd().split('\n');
  if (lines.length <= 2 * SHOWN_LINES) return lines.join('\n');
  return [...lines.slice(0, SHOWN_LINES), `… (all of it: ${file})`, ...lines.slice(-SHOWN_LINES)].join('\n');
}

module.exports = { say, runStep };
