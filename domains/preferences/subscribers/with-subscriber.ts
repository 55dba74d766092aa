import type { Pool, PoolClient } from 'pg';
import { type ExpectedVersion, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { PreferenceRefusal } from '../refusals';
import { type HashedAddress, lockAddresses } from '../store/destinations';
import { findSubscriber, lockSubscriber, type Subscriber } from '../store/subscribers';

/** Whose subscriber, which one, who asks, and which revisions they may have. */
export interface SubscriberCommand {
  tenantId: PublicId;
  /** The API key that asked for it. */
  keyId: PublicId;
  id: PublicId;
  expected?: ExpectedVersion | undefined;
}

/**
 * Runs work on a subscriber who is locked against other changes, and against decisions.
 *
 * @param addresses - those that the work gives or takes away, which are locked first
 * @throws PreferenceRefusal when there is no such subscriber, or they are erased
 */
export function withSubscriber<T>(
  pool: Pool,
  { tenantId, id }: Pick<SubscriberCommand, 'tenantId' | 'id'>,
  work: (client: PoolClient, subscriber: Subscriber) => Promise<T>,
  addresses: readonly HashedAddress[] = [],
): Promise<T> {
  return inTransaction(pool, async (client) => {
    await lockAddresses(client, tenantId, addresses);
    const subscriber = await lockSubscriber(client, tenantId, id);
    if (subscriber === undefined || subscriber.erasedAt !== undefined)
      throw new PreferenceRefusal('no-such-subscriber');
    return work(client, subscriber);
  });
}

/** A tenant's subscriber who is not erased. @throws PreferenceRefusal when there is no such subscriber */
export async function requireSubscriber(pool: Pool, tenantId: PublicId, id: PublicId): Promise<Subscriber> {
  const subscriber = await findSubscriber(pool, tenantId, id);
  if (subscriber === undefined || subscriber.erasedAt !== undefined) throw new PreferenceRefusal('no-such-subscriber');
  return subscriber;
}

/** For whoever expected another revision. */
export function changedMeanwhile({ revision: version }: Subscriber): PreferenceRefusal {
  return new PreferenceRefusal('changed-meanwhile', outdatedDetail('The subscriber', version), { version });
}
