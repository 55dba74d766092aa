const PLACEHOLDER = /\{(timestamp|id|body)\}/g;

/** A piece of the signed content: text as it is, or what the request says. */
export type Piece = { text: string } | { name: 'timestamp' | 'id' | 'body' };

/** The pieces of a template such as `v0:{timestamp}:{body}`. */
export function piecesOf(template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of template.matchAll(PLACEHOLDER)) {
    if (match.index > at) pieces.push({ text: template.slice(at, match.index) });
    pieces.push({ name: match[1] as 'timestamp' | 'id' | 'body' });
    at = match.index + match[0].length;
  }
  if (at < template.length) pieces.push({ text: template.slice(at) });
  return pieces;
}

/** Whether the template has a placeholder. */
export function mentions(template: string, name: 'timestamp' | 'id' | 'body'): boolean {
  return piecesOf(template).some((piece) => 'name' in piece && piece.name === name);
}

/** What is wrong with a template, for whoever wrote it; `undefined` if nothing is. */
export function templateFault(template: string): string | undefined {
  const names = piecesOf(template).flatMap((piece) => ('name' in piece ? [piece.name] : []));
  if (names.filter((name) => name === 'body').length !== 1) return 'must contain {body} exactly once';
  if (new Set(names).size !== names.length) return 'must contain {timestamp} and {id} at most once';
  return undefined;
}
