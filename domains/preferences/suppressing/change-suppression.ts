import { type ExpectedVersion, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { openAddressKeys } from '../addresses';
import { PreferenceRefusal } from '../refusals';
import { isProtected } from '../rules/suppression';
import { lockAddresses } from '../store/destinations';
import { findSuppression, markLifted, type Suppression, updateExpiry } from '../store/suppressions';
import { afterSuppression } from './after-suppression';
import { recordSuppression } from './suppress';

/** The scope that lifting takes where the address, or its owner, has objected. */
export const LIFT_SCOPE = 'suppressions:lift';

/** Whose suppression, which one, who asks, and which revisions it may have. */
export interface SuppressionCommand {
  tenantId: PublicId;
  keyId: PublicId;
  id: PublicId;
  expected?: ExpectedVersion | undefined;
  /** Whether the caller has {@link LIFT_SCOPE}. */
  mayLiftProtected: boolean;
}

/**
 * Lifts a suppression: it no longer counts, and stays as a record.
 *
 * @throws PreferenceRefusal when there is no such suppression, it is lifted, or the caller may not lift it
 */
export function liftSuppression(platform: Platform, command: SuppressionCommand, reason: string): Promise<Suppression> {
  return change(platform, command, 'lifted', { why: reason }, async (db, suppression) => {
    mayEnd(suppression, command);
    return markLifted(db, command.id, { by: command.keyId, reason }, command.expected);
  });
}

/**
 * Changes when a suppression ends. To have it end sooner takes the same right as to lift it.
 *
 * @param expiresAt - undefined for never; rounded up to the second
 * @throws PreferenceRefusal as {@link liftSuppression} does
 */
export function changeExpiry(
  platform: Platform,
  command: SuppressionCommand,
  expiresAt: Date | undefined,
): Promise<Suppression> {
  if (expiresAt !== undefined && expiresAt.getTime() <= Date.now()) {
    throw new PreferenceRefusal('already-expired', 'must lie ahead; lift it to end it now', { field: ['expiresAt'] });
  }
  const second = expiresAt && new Date(Math.ceil(expiresAt.getTime() / 1_000) * 1_000);
  return change(platform, command, 'expiry', {}, async (db, suppression) => {
    const before = suppression.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    if ((second?.getTime() ?? Number.POSITIVE_INFINITY) < before) mayEnd(suppression, command);
    return updateExpiry(db, command.id, second, command.expected);
  });
}

async function change(
  platform: Platform,
  { tenantId, keyId, id }: SuppressionCommand,
  kind: 'lifted' | 'expiry',
  more: Readonly<Record<string, unknown>>,
  work: (db: Queryable, suppression: Suppression) => Promise<Suppression | undefined>,
): Promise<Suppression> {
  const { pool } = platform;
  const key = await platform.once(openAddressKeys).of(tenantId);
  const { changed, changeId } = await inTransaction(pool, async (db) => {
    const found = await findSuppression(db, tenantId, id);
    if (found === undefined) throw new PreferenceRefusal('no-such-suppression');
    await lockAddresses(db, tenantId, [{ channel: found.channel, hash: found.addressHash }]);
    const suppression = (await findSuppression(db, tenantId, id)) ?? found;
    if (suppression.liftedAt !== undefined) throw new PreferenceRefusal('already-lifted', 'It is lifted already.');
    const changed = await work(db, suppression);
    if (changed === undefined) {
      const { revision: version } = suppression;
      throw new PreferenceRefusal('changed-meanwhile', outdatedDetail('The suppression', version), { version });
    }
    return { changed, changeId: await recordSuppression(db, { tenantId, key, actor: keyId }, changed, kind, more) };
  });
  await afterSuppression(platform, tenantId, changeId);
  return changed;
}

function mayEnd({ reason }: Suppression, { mayLiftProtected }: SuppressionCommand): void {
  if (!isProtected(reason) || mayLiftProtected) return;
  const detail = `A suppression for the reason ${reason} is ended by a key with the scope "${LIFT_SCOPE}".`;
  throw new PreferenceRefusal('lift-forbidden', detail, { scope: LIFT_SCOPE });
}
