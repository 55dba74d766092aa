import { refusalOf } from '../../core/refusal';

/** Why a command about notifications is refused. */
export class NotificationRefusal extends refusalOf({
  'no-such-notification': 'not-found',
  'no-such-template': 'not-found',
  'no-such-version': 'not-found',
  'no-such-inbox': 'not-found',
  'no-such-inbox-item': 'not-found',
  'template-exists': 'already-exists',
  'changed-meanwhile': 'outdated',
  'unknown-subscriber': 'invalid',
  'unknown-category': 'invalid',
  'unknown-topic': 'invalid',
  'unknown-template': 'invalid',
  'unusable-template': 'invalid',
  'unusable-data': 'invalid',
  'nothing-to-send': 'invalid',
  'channel-unavailable': 'invalid',
  'postal-address-needed': 'invalid',
  'content-forgotten': 'wrong-state',
  'nothing-to-cancel': 'wrong-state',
}) {}
