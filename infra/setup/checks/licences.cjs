'use strict';
// The licences of everything that package-lock.json names; those of production have to be permissive.
// Plain JavaScript over Node's built-ins: it runs before anything is built.
const fs = require('node:fs');
const path = require('node:path');

/** Licences that ask for no more than to be named, by their SPDX identifiers. */
const PERMISSIVE = new Set([
  ...['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', 'Zlib'],
  ...['Unlicense', 'CC0-1.0', 'CC-BY-3.0', 'CC-BY-4.0', 'Python-2.0', 'Unicode-3.0'],
]);

/** Packages whose manifest is silent, by name and version, with what their licence file says. */
const BY_HAND = { 'unionfs@4.6.0': 'Unlicense' };

/**
 * Whether an SPDX expression can be met by permissive licences alone.
 *
 * @param {string} expression such as `(MIT OR GPL-3.0-only) AND ISC`
 */
function isPermissive(expression) {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const either = () => {
    let met = both();
    for (; tokens[at] === 'OR'; ) {
      at++;
      // Not `||`: the right side has to be read in any case.
      const other = both();
      met = met || other;
    }
    return met;
  };
  const both = () => {
    let met = one();
    for (; tokens[at] === 'AND'; ) {
      at++;
      const other = one();
      met = met && other;
    }
    return met;
  };
  const one = () => {
    const token = tokens[at++];
    if (token !== '(') return PERMISSIVE.has(token);
    const met = either();
    return tokens[at++] === ')' && met;
  };
  const met = either();
  // What is left over (`WITH`, a sentence) was not understood.
  return met && at === tokens.length;
}

/**
 * Every locked package, by name.
 *
 * @param {string} root
 */
function listLicences(root) {
  const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([place]) => place !== '')
    .map(([place, locked]) => {
      const name = locked.name ?? place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const { version } = locked;
      const licence = readLicence(root, place) ?? locked.license ?? BY_HAND[`${name}@${version}`];
      return { name, version, licence, production: locked.dev !== true };
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** What an installed package says of itself; packages for other platforms are not installed. */
function readLicence(root, place) {
  try {
    const { license, licenses } = JSON.parse(fs.readFileSync(path.join(root, place, 'package.json'), 'utf8'));
    const said = [license ?? licenses].flat().map((one) => (typeof one === 'string' ? one : one?.type));
    return said.every((one) => typeof one === 'string') ? said.join(' OR ') : undefined;
  } catch {
    return undefined;
  }
}

function main() {
  const root = path.resolve(__dirname, '..', '..', '..');
  const all = listLicences(root);
  const brief = process.argv.includes('--brief');
  if (!brief) {
    for (const { name, version, licence, production } of all) {
      console.log(`${name} ${version} ${licence ?? 'unknown'}${production ? '' : ' (development)'}`);
    }
  }
  const production = all.filter((one) => one.production);
  const wrong = production.filter(({ licence }) => licence === undefined || !isPermissive(licence));
  for (const { name, version, licence } of wrong) {
    console.error(`${name} ${version}: its licence is not known to be permissive: ${licence ?? 'none is named'}`);
  }
  const verdict = wrong.length === 0 ? 'all permissive' : `${wrong.length} not permissive or unknown`;
  console.log(`Licences of ${production.length} production packages: ${verdict}`);
  if (wrong.length > 0) process.exitCode = 1;
}

if (require.main === module) main();

module.exports = { isPermissive, listLicences };
