import { refusalOf } from '../../core/refusal';

/** Why a key or a tenant is not created, shown or changed. */
export class AccountRefusal extends refusalOf({
  'no-api-key': 'not-found',
  'no-such-tenant': 'invalid',
  'lacks-scope': 'forbidden',
  'key-ended': 'wrong-state',
}) {}
