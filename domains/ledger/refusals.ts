import { refusalOf } from '../../core/refusal';

/** Why nothing is posted by hand. */
export class LedgerRefusal extends refusalOf({
  'no-such-merchant': 'not-found',
}) {}
