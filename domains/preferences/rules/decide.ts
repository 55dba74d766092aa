import { type Channel, needsAddress } from './channels';
import type { Choice, Level, Policy } from './choices';
import { type QuietHours, quietUntil } from './quiet-hours';
import { type ActiveSuppression, EVERYTHING, isHard, isInForce, type SuppressionReason } from './suppression';

/** Everything that a decision depends on. Records that do not apply are left aside, and their order says nothing. */
export interface DecisionFacts {
  /** Milliseconds since the epoch. */
  at: number;
  channel: Channel;
  /** The key of the topic, if the notification has one. */
  topic: string | undefined;
  /** `undefined` when there is none of the name. */
  category: { key: string; policy: Policy } | undefined;
  /** The subscriber's version that the facts are of. */
  version: number;
  erased: boolean;
  /** How many addresses there are to send to. */
  destinations: number;
  timeZone: string | undefined;
  quietHours: QuietHours | undefined;
  suppressions: readonly ActiveSuppression[];
  preferences: readonly (Choice & { id: string })[];
}

export const RULES = [
  'erased',
  'unknown-category',
  'no-destination',
  'suppressed',
  'required',
  'unsubscribed',
  'opted-out',
  'opted-in',
  'category-default',
  'quiet-hours',
] as const;

/** What decided. */
export type Rule = (typeof RULES)[number];

export const DECISION_LEVELS = [
  'subscriber',
  'address',
  'topic+channel',
  'topic',
  'category+channel',
  'category',
  'channel',
  'global',
] as const;

/** Where the record that decided stands. */
export type DecisionLevel = (typeof DECISION_LEVELS)[number];

/** Whether something may be sent now, and why. */
export interface Decision {
  decision: 'allow' | 'deny' | 'defer';
  rule: Rule;
  level: DecisionLevel;
  /** The suppression or choice that decided; undefined where none did. */
  recordId: string | undefined;
  /** The suppression's reason, where one decided. */
  reason: SuppressionReason | undefined;
  /** The subscriber's version that it was decided by. */
  version: number;
  /** When to ask again, in milliseconds since the epoch; only of `defer`. */
  until: number | undefined;
}

/**
 * Decides whether something may be sent to a subscriber now. What denies wins:
 *
 * 1. suppressions that stop everything, then
 * 2. what is required is sent;
 * 3. suppressions that the subscriber asked for;
 * 4. any opt-out that applies, however narrow or broad;
 * 5. the category's default, which an opt-in to the category or the topic overrides;
 * 6. quiet hours put off what is left.
 */
export function decide(facts: DecisionFacts): Decision {
  const { at, category, version, erased, destinations, channel, quietHours } = facts;
  const answer = (decision: Decision['decision'], rule: Rule, level: DecisionLevel, record: Found = {}): Decision => ({
    decision,
    rule,
    level,
    recordId: record.id,
    reason: record.reason,
    version,
    until: record.until,
  });
  if (erased) return answer('deny', 'erased', 'subscriber');
  if (category === undefined) return answer('deny', 'unknown-category', 'category');
  if (destinations === 0 && needsAddress(channel)) return answer('deny', 'no-destination', 'address');

  const suppressions = facts.suppressions.filter(
    (suppression) =>
      (suppression.scope === EVERYTHING || suppression.scope === category.key) && isInForce(suppression, at),
  );
  const hard = first(suppressions.filter(({ reason }) => isHard(reason)));
  if (hard !== undefined) return answer('deny', 'suppressed', 'address', hard);
  if (category.policy === 'required') return answer('allow', 'required', 'category');
  const asked = first(suppressions);
  if (asked !== undefined) return answer('deny', 'unsubscribed', 'address', asked);

  const levels = DECISION_LEVELS.map((level) => ({ level, choice: choiceAt(facts, level, category.key) }));
  const optOut = levels.find(({ choice }) => choice?.value === false);
  if (optOut !== undefined) return answer('deny', 'opted-out', optOut.level, optOut.choice);
  const optIn = levels.find(({ level, choice }) => choice?.value === true && IS_SPECIFIC[level] === true);
  if (category.policy === 'opt_in' && optIn === undefined) return answer('deny', 'category-default', 'category');

  const isQuietHere = quietHours !== undefined && (quietHours.channels?.includes(channel) ?? true);
  const until = isQuietHere ? quietUntil(at, quietHours, facts.timeZone ?? 'UTC') : undefined;
  if (until !== undefined) return answer('defer', 'quiet-hours', 'subscriber', { until });
  return optIn === undefined
    ? answer('allow', 'category-default', 'category')
    : answer('allow', 'opted-in', optIn.level, optIn.choice);
}

interface Found {
  id?: string;
  reason?: SuppressionReason;
  until?: number;
}

/** Levels at which an opt-in is more than the default of the category: it is about no less. */
const IS_SPECIFIC: Partial<Record<DecisionLevel, boolean>> = {
  'topic+channel': true,
  topic: true,
  'category+channel': true,
  category: true,
};

/** What is told first where several apply. */
const WEIGHT: Readonly<Record<SuppressionReason, number>> = {
  erasure: 0,
  legal: 1,
  admin_action: 2,
  complaint: 3,
  bounce: 4,
  invalid: 5,
  user_request: 6,
};

function first(suppressions: readonly ActiveSuppression[]): ActiveSuppression | undefined {
  return [...suppressions].sort((a, b) => WEIGHT[a.reason] - WEIGHT[b.reason] || (a.id < b.id ? -1 : 1))[0];
}

const PLACES: Partial<Record<DecisionLevel, { level: Level; channel: 'own' | '*' }>> = {
  'topic+channel': { level: 'topic', channel: 'own' },
  topic: { level: 'topic', channel: '*' },
  'category+channel': { level: 'category', channel: 'own' },
  category: { level: 'category', channel: '*' },
  channel: { level: 'global', channel: 'own' },
  global: { level: 'global', channel: '*' },
};

function choiceAt({ preferences, topic, channel }: DecisionFacts, decisionLevel: DecisionLevel, category: string) {
  const place = PLACES[decisionLevel];
  if (place === undefined) return undefined;
  const { level } = place;
  const scope = place.channel === 'own' ? channel : '*';
  const key = level === 'global' ? '' : level === 'category' ? category : topic;
  const found = preferences.filter(
    (choice) => choice.level === level && choice.key === key && choice.channel === scope,
  );
  return found.find(({ value }) => !value) ?? found[0];
}
