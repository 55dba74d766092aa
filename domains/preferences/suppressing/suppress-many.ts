import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Queryable } from '../../../infra/postgres/pool';
import { preferenceMetrics } from '../metrics';
import { type PlannedOutcome, planSuppressions, type SuppressionPlan } from '../rules/plan-suppressions';
import type { SuppressionSource } from '../rules/suppression';
import { lockAddresses } from '../store/destinations';
import {
  insertSuppressions,
  lockSuppressionsLike,
  markExpired,
  type Suppression,
  type SuppressionKey,
  suppressionPlace,
  updateExpiries,
} from '../store/suppressions';
import type { SuppressionDetails } from './details';

/** A suppression to make, once its address is hashed. */
export interface ManyWish extends SuppressionKey {
  id: PublicId;
  /** To the second; undefined for never. */
  expiresAt: Date | undefined;
  /** Undefined once they are forgotten. */
  details: SuppressionDetails | undefined;
}

/** Whose suppressions, who makes them, and where they come from. */
export interface ManyMaking {
  tenantId: PublicId;
  actor: string;
  source: SuppressionSource;
}

/** What was made of a wish: the suppression that there is now. */
export interface ManyResult {
  suppression: Suppression;
  /** `known`: there was one like it that lasts as long. */
  outcome: PlannedOutcome;
}

/**
 * Suppresses addresses within the caller's transaction, with the addresses locked, in a few statements however many they
 * are. The caller records it, as `recordForSubscribers` does.
 *
 * @param db - one connection inside a transaction, READ COMMITTED; no subscriber is locked in it yet
 * @returns what became of each, in their order
 */
export async function suppressMany(
  db: Queryable,
  { keyring, metrics }: Pick<Platform, 'keyring' | 'metrics'>,
  { tenantId, actor, source }: ManyMaking,
  wishes: readonly ManyWish[],
): Promise<ManyResult[]> {
  await lockAddresses(
    db,
    tenantId,
    wishes.map(({ address }) => address),
  );
  const like = byKey(await lockSuppressionsLike(db, tenantId, wishes));
  const { outcomes, writes } = planFor(wishes, like, Date.now());
  const inTheWay: PublicId[] = [];
  const longer: { id: PublicId; expiresAt: Date | undefined }[] = [];
  const made: Parameters<typeof insertSuppressions>[1][number][] = [];
  for (const { key, kind, wish: index, expiresAt } of writes) {
    const before = like.get(key);
    const wish = wishes[index];
    const until = expiresAt === null ? undefined : new Date(expiresAt);
    if (kind === 'extend' && before !== undefined) longer.push({ id: before.id, expiresAt: until });
    else if (wish !== undefined) {
      if (before !== undefined) inTheWay.push(before.id);
      const { details, ...rest } = wish;
      const detailsSealed = details && keyring.encrypt(JSON.stringify(details), suppressionPlace(wish.id));
      made.push({ ...rest, tenantId, source, detailsSealed, createdBy: actor, expiresAt: until });
    }
  }
  await markExpired(db, inTheWay);
  const written = [...(await insertSuppressions(db, made)), ...(await updateExpiries(db, longer))];
  for (const { reason } of made) metrics.of(preferenceMetrics).suppressions.inc({ reason, source });
  const now = new Map([...like, ...byKey(written)]);
  return wishes.map((wish, index) => {
    const suppression = now.get(keyOf(wish));
    const outcome = outcomes[index];
    if (suppression === undefined || outcome === undefined) throw new Error(`nothing became of ${wish.id}`);
    return { suppression, outcome };
  });
}

/** What {@link suppressMany} would do now. @param like - by {@link keyOf} */
export function planFor(
  wishes: readonly (SuppressionKey & Pick<ManyWish, 'expiresAt'>)[],
  like: ReadonlyMap<string, { expiresAt: Date | undefined }>,
  now: number,
): SuppressionPlan {
  const before = new Map([...like].map(([key, { expiresAt }]) => [key, { expiresAt: expiresAt?.getTime() ?? null }]));
  const planned = wishes.map((wish) => ({ key: keyOf(wish), expiresAt: wish.expiresAt?.getTime() ?? null }));
  return planSuppressions(planned, before, now);
}

/** Suppressions by what they are alike by. */
export function byKey(suppressions: readonly Suppression[]): Map<string, Suppression> {
  return new Map(
    suppressions.map((suppression) => {
      const { channel, addressHash: hash, scope, reason } = suppression;
      return [keyOf({ address: { channel, hash }, scope, reason }), suppression];
    }),
  );
}

/** The same for what is alike. */
export function keyOf({ address, scope, reason }: SuppressionKey): string {
  return `${address.channel}/${address.hash.toString('base64')}/${scope}/${reason}`;
}
