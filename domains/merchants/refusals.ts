import { Refusal, type RefusalKind, type RefusalOptions } from '../../core/refusal';

/** Why a request about a business, a merchant or a fee schedule is refused. */
const KINDS = {
  'no-business': 'wrong-state',
  'no-such-merchant': 'invalid',
  'made-meanwhile': 'already-exists',
} as const satisfies Record<string, RefusalKind>;

export type MerchantRefusalCode = keyof typeof KINDS;

export class MerchantRefusal extends Refusal {
  override name = 'MerchantRefusal';

  constructor(
    readonly code: MerchantRefusalCode,
    detail?: string,
    options?: RefusalOptions,
  ) {
    super(KINDS[code], detail, options);
  }
}
