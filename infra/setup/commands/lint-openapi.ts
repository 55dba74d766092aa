// npm run check:openapi: makes the OpenAPI document, writes it to .waybill/openapi.json (or the given file), and holds it to
// the rules of Redocly and Spectral.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type RulesetDefinition, Spectral } from '@stoplight/spectral-core';
import { oas } from '@stoplight/spectral-rulesets';
import { makeDocument } from '../openapi-document';
import { projectRoot } from '../paths';

const RULES: RulesetDefinition = {
  // Its own type has severities as plain strings.
  extends: [[oas as unknown as RulesetDefinition, 'all']],
  rules: {
    // Whoever runs Waybill is the contact, and nobody here knows them.
    'info-contact': 'off',
    'contact-properties': 'off',
    // It has the identifier of SPDX, which excludes the address of its text.
    'license-url': 'off',
    // They are in the order in which one meets them.
    'openapi-tags-alphabetical': 'off',
    // An API key has scopes as well, which OpenAPI 3.1 allows; the rule knows those of OAuth alone.
    'oas3-operation-security-defined': 'off',
  },
};

/** Redocly sends what it is used for to its maker unless it is told not to. */
const QUIET = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };

async function main(file = path.join(projectRoot, '.waybill', 'openapi.json')): Promise<void> {
  const text = JSON.stringify(await makeDocument(), undefined, 2);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  const faults = [...redocly(file), ...(await spectral(text))];
  for (const fault of faults) console.error(fault);
  console.log(faults.length === 0 ? 'The OpenAPI document is clean.' : `${faults.length} faults in ${file}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

function redocly(file: string): string[] {
  const cli = path.join(path.dirname(require.resolve('@redocly/cli/package.json')), 'bin', 'cli.js');
  const args = [cli, 'lint', file, '--config', path.join(projectRoot, 'redocly.yaml'), '--format', 'checkstyle'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ...QUIET },
  });
  if (status === 0) return [];
  const found = [...stdout.matchAll(/<error (.*?)\/>/g)].map(([, what]) => `Redocly: ${what}`);
  return found.length > 0 ? found : [`Redocly: ${stderr}`];
}

async function spectral(text: string): Promise<string[]> {
  const linter = new Spectral();
  linter.setRuleset(RULES);
  const found = await linter.run(text);
  return found.map(({ code, message, path: place }) => `Spectral: ${code} at ${place.join('/')}: ${message}`);
}

void main(process.argv[2]);
