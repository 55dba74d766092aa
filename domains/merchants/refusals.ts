import { refusalOf } from '../../core/refusal';

/** Why a request about a business, a merchant or a fee schedule is refused. */
export class MerchantRefusal extends refusalOf({
  'no-business': 'wrong-state',
  'no-such-merchant': 'invalid',
  'made-meanwhile': 'already-exists',
}) {}
