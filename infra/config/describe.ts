import type { z } from 'zod';
import { markdownTable } from '../../core/markdown-table';
import { toldOf } from './fields';
import type { Fragment } from './settings';

/** A markdown table of the fragments' variables. @throws Error naming a variable without a description */
export function describeFragments(fragments: readonly Fragment[]): string {
  const rows = fragments.flatMap((fragment) =>
    Object.entries(fragment.shape).map(([name, field]) => {
      const { description, fallback } = toldOf(field as z.ZodType);
      if (description === undefined) throw new Error(`nothing is said of ${name}: make it with infra/config/fields.ts`);
      return [`\`${name}\``, fallback === undefined ? '' : `\`${fallback}\``, description];
    }),
  );
  return markdownTable([['variable', 'default', 'what it is'], ...rows]);
}
