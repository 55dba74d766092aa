import { createHash } from 'node:crypto';

/** Makes a hash that is the same whenever the same records are fed in the same order. */
export function createTotalsHash(): { add(fields: readonly (string | bigint)[]): void; digest(): string } {
  const hash = createHash('sha256');
  return {
    add: (fields) => {
      hash.update(`${fields.join('|')}\n`);
    },
    digest: () => hash.digest('hex'),
  };
}
