import { refusalOf } from '../../core/refusal';

/** Why a posting by hand is refused. */
export class LedgerRefusal extends refusalOf({
  'no-such-merchant': 'not-found',
}) {}
