import { Refusal, type RefusalKind, type RefusalOptions } from '../../core/refusal';

/** Why a webhook command is refused. */
const KINDS = {
  'no-such-endpoint': 'not-found',
  'no-such-dead-letter': 'not-found',
  'event-type-exists': 'already-exists',
  'unusable-url': 'invalid',
  'too-much-metadata': 'invalid',
  'too-many-headers': 'invalid',
  'secret-in-use': 'invalid',
  'too-many-secrets': 'wrong-state',
  'endpoint-disabled': 'wrong-state',
  'dead-letter-not-open': 'wrong-state',
} as const satisfies Record<string, RefusalKind>;

export type WebhookRefusalCode = keyof typeof KINDS;

export class WebhookRefusal extends Refusal {
  override name = 'WebhookRefusal';

  constructor(
    readonly code: WebhookRefusalCode,
    detail?: string,
    options?: RefusalOptions,
  ) {
    super(KINDS[code], detail, options);
  }
}
