import { refusalOf } from '../../core/refusal';

/** Why a command about inbound webhooks is refused. */
export class InboundRefusal extends refusalOf({
  'no-such-source': 'not-found',
  'no-such-secret': 'not-found',
  'no-such-event': 'not-found',
  'changed-meanwhile': 'outdated',
  'unusable-signing': 'invalid',
  'unusable-topics': 'invalid',
  'unusable-event-id': 'invalid',
  'unusable-secret': 'invalid',
  'secret-needed': 'invalid',
  'secret-in-use': 'invalid',
  'no-such-handler': 'invalid',
  'too-many-secrets': 'wrong-state',
  'last-secret': 'wrong-state',
  'event-not-failed': 'wrong-state',
  'content-forgotten': 'wrong-state',
}) {}

/** Thrown at a request that is not from the source that it names, whatever is wrong with it. */
export class SignatureRefused extends Error {
  override name = 'SignatureRefused';
}

/** Thrown when SNS cannot be asked for the certificate that a message needs, or for the confirmation of a subscription. */
export class SnsUnreachable extends Error {
  override name = 'SnsUnreachable';
}
