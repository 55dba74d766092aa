import { Refusal, type RefusalKind, type RefusalOptions } from '../../core/refusal';

/** Why a key or a tenant is not created, shown or changed. */
const KINDS = {
  'no-api-key': 'not-found',
  'no-such-tenant': 'invalid',
  'lacks-scope': 'forbidden',
  'key-ended': 'wrong-state',
} as const satisfies Record<string, RefusalKind>;

export type AccountRefusalCode = keyof typeof KINDS;

export class AccountRefusal extends Refusal {
  override name = 'AccountRefusal';

  constructor(
    readonly code: AccountRefusalCode,
    detail?: string,
    options?: RefusalOptions,
  ) {
    super(KINDS[code], detail, options);
  }
}
