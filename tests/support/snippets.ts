import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');

/** A block of code in a page of the documentation. */
export interface Snippet {
  /** The heading that it stands under. */
  heading: string;
  language: string;
  code: string;
}

/** The code of a page, in its order; blocks without a language are not code. @param file - from the project's root */
export function snippetsOf(file: string): Snippet[] {
  const snippets: Snippet[] = [];
  let heading = '';
  let open: Snippet | undefined;
  for (const line of readFileSync(path.join(ROOT, file), 'utf8').split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (open !== undefined && fence !== null) {
      if (open.language !== '') snippets.push(open);
      open = undefined;
    } else if (open !== undefined) open.code += `${line}\n`;
    else if (fence !== null) open = { heading, language: fence[1] ?? '', code: '' };
    else if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
  }
  return snippets;
}
