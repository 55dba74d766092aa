import { isExpected } from '../../../core/expected-version';
import { newId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { openAddressKeys } from '../addresses';
import { openFollowUps } from '../changes/open-follow-ups';
import { LEAVE_MS } from '../changes/terms';
import { appendConsent } from '../consent/append-consent';
import { forgetDecisions } from '../denied';
import { PreferenceRefusal } from '../refusals';
import { subscriberErasureWorkflowId } from '../rules/workflow-names';
import { startErasure } from '../start';
import { forgetRowAddresses } from '../store/bulk-suppression-rows';
import { deleteChoices } from '../store/choices';
import { allDestinations, deleteDestinations, lockAddresses } from '../store/destinations';
import { type Erasure, findErasure, insertErasure } from '../store/erasures';
import { deleteExports } from '../store/exports';
import { lockSubscriberWhole, markErased } from '../store/subscribers';
import { forgetDetails } from '../store/suppressions';
import { changedMeanwhile, requireSubscriber, type SubscriberCommand } from '../subscribers/with-subscriber';

const WITHIN_MS = 10_000;

/**
 * Erases a subscriber: who they are, their addresses and choices are gone, and with their key every sealed copy. What stays
 * is pseudonymous: the consent log, and suppressions of their addresses by keyed hash, so that nobody who has objected is
 * written to again. Nothing is sent to them once it resolves; what they were sent is taken away by its workflow.
 *
 * @throws PreferenceRefusal when there is no such subscriber, or it is none of the expected revisions
 */
export async function eraseSubscriber(
  platform: Platform,
  { tenantId, keyId, id, expected }: SubscriberCommand,
): Promise<Erasure> {
  const { pool } = platform;
  await requireSubscriber(pool, tenantId, id);
  const key = await platform.once(openAddressKeys).of(tenantId);
  const changeId = newId('prc');
  const erasure = await inTransaction(pool, async (db) => {
    const addresses = (await allDestinations(db, id)).map(({ channel, addressHash: hash }) => ({ channel, hash }));
    await lockAddresses(db, tenantId, addresses);
    const subscriber = await lockSubscriberWhole(db, tenantId, id);
    if (subscriber === undefined || subscriber.erasedAt !== undefined)
      throw new PreferenceRefusal('no-such-subscriber');
    if (!isExpected(expected, subscriber.revision)) throw changedMeanwhile(subscriber);
    const counts = {
      suppressionDetails: await forgetDetails(db, tenantId, addresses),
      destinations: await deleteDestinations(db, id),
      choices: await deleteChoices(db, id),
      exports: await deleteExports(db, id),
    };
    await forgetRowAddresses(db, tenantId, addresses);
    await markErased(db, id);
    const version = subscriber.preferenceVersion + 1;
    const at = new Date();
    const asked = { subscriberId: id, tenantId, changeId, version, counts, requestedBy: keyId, requestedAt: at };
    const consent = { actor: keyId, action: 'erased', changeId, payload: { version } };
    await appendConsent(db, { tenantId, subscriberId: id, key }, consent, at);
    const audit = { actor: keyId, action: 'subscriber.erased', subject: id, payload: { changeId } };
    await appendAudit(db, tenantId, audit, at);
    return insertErasure(db, asked, LEAVE_MS);
  });
  await forgetDecisions(platform, [id]).catch(() => undefined);
  platform.once(openFollowUps).start(subscriberErasureWorkflowId(id), () => startErasure(platform, erasure, WITHIN_MS));
  return erasure;
}

/** Like {@link eraseSubscriber}; of one who is erased already, says how far that has got. */
export async function requestErasure(platform: Platform, command: SubscriberCommand): Promise<Erasure> {
  const { tenantId, id } = command;
  try {
    return await eraseSubscriber(platform, command);
  } catch (error) {
    const known = await findErasure(platform.pool, tenantId, id);
    if (known === undefined) throw error;
    return known;
  }
}

/** How far an erasure has got. @throws PreferenceRefusal when there is none */
export async function requireErasure(
  { pool }: Pick<Platform, 'pool'>,
  tenantId: PublicId,
  subscriberId: PublicId,
): Promise<Erasure> {
  const erasure = await findErasure(pool, tenantId, subscriberId);
  if (erasure === undefined) throw new PreferenceRefusal('no-such-erasure');
  return erasure;
}
