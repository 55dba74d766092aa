import { refusalOf } from '../../core/refusal';

/** Why a command about inbound webhooks is refused. */
export class InboundRefusal extends refusalOf({
  'no-such-source': 'not-found',
  'no-such-secret': 'not-found',
  'no-such-event': 'not-found',
  'changed-meanwhile': 'outdated',
  'unusable-signing': 'invalid',
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
