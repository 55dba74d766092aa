import { holdsCardNumber } from '../../core/card-numbers';
import { metadataSchema, nonEmptyText } from './schemas';

const REFUSED =
  'has what looks like a card number: never send one here. If it is another number, write it together with letters';

/** Text that people write about money, in which a card number would be kept, shown and exported: it is refused. */
export function freeText(max: number) {
  return nonEmptyText(max).refine((value) => !holdsCardNumber(value), REFUSED);
}

/** Somebody's own number for something, which may be any digits; a card number in it is refused like in {@link freeText}. */
export function ownNumber(max: number) {
  return nonEmptyText(max).refine((value) => !holdsCardNumber(value, { ownNumbers: true }), REFUSED);
}

/** {@link metadataSchema} without card numbers in values and names. */
export const freeMetadataSchema = metadataSchema.superRefine((entries, ctx) => {
  for (const [name, value] of Object.entries(entries)) {
    // A pointer to the entry would show the name.
    if (holdsCardNumber(name)) ctx.addIssue({ code: 'custom', message: `a name ${REFUSED}` });
    else if (holdsCardNumber(value)) ctx.addIssue({ code: 'custom', path: [name], message: REFUSED });
  }
});
