import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Channel } from '../rules/channels';
import type { Choice, Policy } from '../rules/choices';
import type { DecisionFacts } from '../rules/decide';
import type { QuietHours } from '../rules/quiet-hours';
import type { ActiveSuppression } from '../rules/suppression';

/** What is to be decided about. */
export interface DecisionPlace {
  tenantId: PublicId;
  subscriberId: PublicId;
  channel: Channel;
  /** One of both: a topic, whose category counts, or a category. */
  topic: string | undefined;
  category: string | undefined;
  /** Only this destination counts; without it all of the channel do, and what stops one stops all. */
  destinationId?: PublicId | undefined;
}

/** Facts, but for the moment; and what the database's clock says. */
export interface KnownFacts extends Omit<DecisionFacts, 'at'> {
  now: number;
}

interface Facts {
  version: number;
  erased: boolean;
  timeZone: string | null;
  quietHours: QuietHours | null;
  now: number;
  category: { key: string; policy: Policy } | null;
  destinations: number;
  preferences: (Choice & { id: string })[] | null;
  suppressions: ActiveSuppression[] | null;
}

/**
 * Reads what a decision depends on, in one round trip.
 *
 * @param hold - whether changes wait until the transaction ends, so that the decision still holds when it commits
 * @returns `undefined` when the tenant has no such subscriber
 */
export async function readFacts(db: Queryable, place: DecisionPlace, hold: boolean): Promise<KnownFacts | undefined> {
  const { tenantId, subscriberId, channel, topic, category, destinationId } = place;
  const { rows } = await db.query<{ facts: Facts | null }>({
    name: 'decision-facts',
    text: 'SELECT decision_facts($1, $2, $3, $4, $5, $6, $7) AS facts',
    values: [
      toUuid(tenantId),
      toUuid(subscriberId),
      channel,
      topic,
      category,
      destinationId === undefined ? null : toUuid(destinationId),
      hold,
    ],
  });
  const facts = rows[0]?.facts ?? undefined;
  if (facts === undefined) return undefined;
  return {
    ...facts,
    channel,
    topic,
    category: facts.category ?? undefined,
    timeZone: facts.timeZone ?? undefined,
    quietHours: facts.quietHours ?? undefined,
    preferences: (facts.preferences ?? []).map((choice) => ({ ...choice, id: fromUuid('prf', choice.id) })),
    suppressions: (facts.suppressions ?? []).map((found) => ({ ...found, id: fromUuid('sup', found.id) })),
  };
}
