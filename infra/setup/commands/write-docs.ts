// npm run docs: regenerates the parts of the documentation that are made from the code. A test fails when they are
// stale.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { apiConfig } from '../../../api/http/config';
import { describeMoves, describePaymentStates } from '../../../domains/payments';
import { workerConfig } from '../../../worker/config';
import { DOMAINS } from '../../../worker/domains';
import { describeFragments } from '../../config/describe';
import { platformConfig } from '../../platform/config';
import { projectRoot } from '../paths';
import { plotLimits } from './limit-plot';

/** A part of a page between `<!-- name: begin -->` and `<!-- name: end -->`. */
export interface GeneratedPart {
  /** The page, relative to the clone. */
  file: string;
  name: string;
  text(): string;
}

export const GENERATED: readonly GeneratedPart[] = [
  {
    file: 'docs/operations.md',
    name: 'configuration',
    text: () =>
      describeFragments([platformConfig, apiConfig, workerConfig, ...DOMAINS.flatMap(({ config }) => config ?? [])]),
  },
  { file: 'docs/payments.md', name: 'payment states', text: describePaymentStates },
  { file: 'docs/payments.md', name: 'moves', text: describeMoves },
];

/** Whole files that are made from the code. */
export const GENERATED_FILES: readonly { file: string; text(): string }[] = [
  { file: 'docs/images/attempts-at-once.svg', text: plotLimits },
];

/** The page with its generated part brought up to date. @throws Error when the page has no place for it */
export function withPart(page: string, { file, name, text }: GeneratedPart): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${file} has no place for "${name}": ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${text()}\n\n${page.slice(to)}`;
}

function main(): void {
  for (const part of GENERATED) {
    const file = path.join(projectRoot, part.file);
    writeFileSync(file, withPart(readFileSync(file, 'utf8'), part));
  }
  for (const { file, text } of GENERATED_FILES) writeFileSync(path.join(projectRoot, file), text());
}

if (require.main === module) main();
