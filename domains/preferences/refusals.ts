import { refusalOf } from '../../core/refusal';

/** Why a command about subscribers, their preferences, or suppressions is refused. */
export class PreferenceRefusal extends refusalOf({
  'no-such-subscriber': 'not-found',
  'no-such-destination': 'not-found',
  'no-such-category': 'not-found',
  'no-such-topic': 'not-found',
  'no-such-suppression': 'not-found',
  'subscriber-exists': 'already-exists',
  'category-exists': 'already-exists',
  'topic-exists': 'already-exists',
  'changed-meanwhile': 'outdated',
  'unusable-address': 'invalid',
  'unknown-category': 'invalid',
  'unknown-topic': 'invalid',
  'unusable-scope': 'invalid',
  'unusable-quiet-hours': 'invalid',
  'already-expired': 'invalid',
  'category-in-use': 'wrong-state',
  'too-many-destinations': 'wrong-state',
  'too-many-choices': 'wrong-state',
  'already-lifted': 'wrong-state',
  'lift-forbidden': 'forbidden',
}) {}
