import { refusalOf } from '../../core/refusal';

/** Why a webhook command is refused. */
export class WebhookRefusal extends refusalOf({
  'no-such-endpoint': 'not-found',
  'no-such-dead-letter': 'not-found',
  'no-such-event-type': 'not-found',
  'event-type-exists': 'already-exists',
  'changed-meanwhile': 'outdated',
  'unusable-url': 'invalid',
  'too-much-metadata': 'invalid',
  'too-many-headers': 'invalid',
  'headers-of-another-origin': 'invalid',
  'secret-in-use': 'invalid',
  'too-many-secrets': 'wrong-state',
  'endpoint-disabled': 'wrong-state',
  'circuit-not-open': 'wrong-state',
  'dead-letter-not-open': 'wrong-state',
  'no-such-replay': 'not-found',
  'replay-not-steerable': 'wrong-state',
}) {}
