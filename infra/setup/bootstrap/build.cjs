'use strict';
// What has to be built: sources are compared with those of the last build, by size and modification time.
const fs = require('node:fs');
const path = require('node:path');

/**
 * @param {string} root
 * @returns {Record<string, string>} each file that the build reads, with its size and modification time
 */
function listSources(root) {
  const { include } = JSON.parse(fs.readFileSync(path.join(root, 'tsconfig.json'), 'utf8'));
  const sources = {};
  const add = (file) => {
    const stat = fs.statSync(path.join(root, file), { throwIfNoEntry: false });
    if (stat !== undefined) sources[file] = `${stat.size}:${stat.mtimeMs}`;
  };
  const walk = (folder) => {
    for (const entry of readFolder(path.join(root, folder))) {
      const file = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(file);
      else if (/\.(c?ts|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts')) add(file);
    }
  };
  for (const folder of include) if (folder !== 'tests') walk(folder);
  for (const file of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) add(file);
  return sources;
}

/**
 * What a build has to do.
 *
 * @param {string} root
 * @param {Record<string, string>} sources
 */
function planBuild(root, sources) {
  const last = readStamp(root);
  const missing = Object.keys(sources).some((file) => outputs(file).some((output) => !exists(root, output)));
  const bundle = path.join('dist', 'workflow-bundle.js');
  return {
    compile: missing || !same(last.sources, sources),
    // With an output missing, the compiler's own record of what is up to date is wrong.
    fromScratch: missing,
    vanished: Object.keys(last.sources)
      .filter((file) => sources[file] === undefined)
      .flatMap(outputs),
    // After any change: this saves keeping a list of the files that workflows import, and bundling takes only a second
    // or two.
    bundle: !exists(root, bundle) || !same(last.bundled, sources),
  };
}

/** Removes the outputs of deleted sources, so that nothing imports them. */
function removeVanished(root, plan) {
  for (const output of plan.vanished) {
    fs.rmSync(path.join(root, output), { force: true });
    fs.rmSync(path.join(root, `${output}.map`), { force: true });
  }
  if (plan.fromScratch) fs.rmSync(path.join(root, 'dist', '.tsbuildinfo'), { force: true });
}

/** Records a finished step: `sources` after compiling, `bundled` after bundling. */
function writeStamp(root, done) {
  fs.mkdirSync(path.join(root, 'dist'), { recursive: true });
  fs.writeFileSync(stampFile(root), JSON.stringify({ ...readStamp(root), ...done }));
}

function outputs(file) {
  if (/\.d\.c?ts$|\.json$/.test(file)) return [];
  return [path.join('dist', file.replace(/ts$/, 'js'))];
}

function readStamp(root) {
  try {
    const { sources = {}, bundled = {} } = JSON.parse(fs.readFileSync(stampFile(root), 'utf8'));
    return { sources, bundled };
  } catch {
    return { sources: {}, bundled: {} };
  }
}

function same(a, b) {
  const files = Object.keys(a);
  return files.length === Object.keys(b).length && files.every((file) => a[file] === b[file]);
}

function readFolder(folder) {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

const stampFile = (root) => path.join(root, 'dist', '.build.json');
const exists = (root, file) => fs.existsSync(path.join(root, file));

module.exports = { listSources, planBuild, removeVanished, writeStamp };
