import { Refusal, type RefusalKind, type RefusalOptions } from '../../core/refusal';

/** Why a posting by hand is refused. */
const KINDS = {
  'no-such-merchant': 'not-found',
} as const satisfies Record<string, RefusalKind>;

export type LedgerRefusalCode = keyof typeof KINDS;

export class LedgerRefusal extends Refusal {
  override name = 'LedgerRefusal';

  constructor(
    readonly code: LedgerRefusalCode,
    detail?: string,
    options?: RefusalOptions,
  ) {
    super(KINDS[code], detail, options);
  }
}
