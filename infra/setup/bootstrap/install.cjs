'use strict';
// Whether node_modules holds what package-lock.json asks for, and `npm ci` if not.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

/** @param {string} root */
function isInstalled(root) {
  const lockText = fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  if (readText(stampFile(root)) === hash(lockText)) return true;
  // No stamp of ours: somebody ran npm by hand. npm's own record shows whether that installation is complete.
  const record = readText(path.join(root, 'node_modules', '.package-lock.json'));
  if (record === undefined || !matchesLock(JSON.parse(lockText), JSON.parse(record))) return false;
  writeStamp(root);
  return true;
}

/**
 * Whether every locked package is installed in its locked version. Optional ones may be missing: they are for other
 * platforms.
 */
function matchesLock(lock, record) {
  return Object.entries(lock.packages ?? {}).every(([place, wanted]) => {
    if (place === '') return true;
    const installed = record.packages?.[place];
    if (installed === undefined) return wanted.optional === true || wanted.devOptional === true;
    return installed.version === wanted.version && installed.integrity === wanted.integrity;
  });
}

/**
 * The command that installs: the npm that runs us, or the one on PATH. Development packages are included whatever
 * NODE_ENV says, since the build needs the compiler.
 */
function installCommand(env) {
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = env.npm_execpath;
  if (npm !== undefined && path.basename(npm) === 'npm-cli.js')
    return { command: process.execPath, args: [npm, ...args] };
  return { command: 'npm', args };
}

function writeStamp(root) {
  try {
    fs.writeFileSync(stampFile(root), hash(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')));
  } catch {
    // Read-only node_modules: the check is made again next time.
  }
}

const stampFile = (root) => path.join(root, 'node_modules', '.waybill-lock');
const hash = (text) => createHash('sha256').update(text).digest('hex');

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

module.exports = { isInstalled, matchesLock, installCommand, writeStamp };
