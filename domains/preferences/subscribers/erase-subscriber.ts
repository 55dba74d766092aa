import { isExpected } from '../../../core/expected-version';
import { newId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { openAddressKeys } from '../addresses';
import { followSoon } from '../changes/open-follow-ups';
import { LEAVE_MS } from '../changes/terms';
import { appendConsent } from '../consent/append-consent';
import { forgetDecisions } from '../denied';
import { PreferenceRefusal } from '../refusals';
import { forgetRowAddresses } from '../store/bulk-suppression-rows';
import { insertChange } from '../store/changes';
import { deleteChoices } from '../store/choices';
import { allDestinations, deleteDestinations, lockAddresses } from '../store/destinations';
import { lockSubscriber, markErased } from '../store/subscribers';
import { forgetDetails } from '../store/suppressions';
import { changedMeanwhile, requireSubscriber, type SubscriberCommand } from './with-subscriber';

/**
 * Erases a subscriber: who they are, their addresses and choices are gone, and with their key every sealed copy. What stays
 * is pseudonymous: the consent log, and suppressions of their addresses by keyed hash, so that nobody who has objected is
 * written to again. Nothing is sent to them once it resolves.
 *
 * @throws PreferenceRefusal when there is no such subscriber, or it is none of the expected revisions
 */
export async function eraseSubscriber(
  platform: Platform,
  { tenantId, keyId, id, expected }: SubscriberCommand,
): Promise<void> {
  const { pool } = platform;
  await requireSubscriber(pool, tenantId, id);
  const key = await platform.once(openAddressKeys).of(tenantId);
  const changeId = newId('prc');
  await inTransaction(pool, async (db) => {
    const addresses = (await allDestinations(db, id)).map(({ channel, addressHash: hash }) => ({ channel, hash }));
    await lockAddresses(db, tenantId, addresses);
    const subscriber = await lockSubscriber(db, tenantId, id);
    if (subscriber === undefined || subscriber.erasedAt !== undefined)
      throw new PreferenceRefusal('no-such-subscriber');
    if (!isExpected(expected, subscriber.revision)) throw changedMeanwhile(subscriber);
    await forgetDetails(db, tenantId, addresses);
    await forgetRowAddresses(db, tenantId, addresses);
    await deleteDestinations(db, id);
    await deleteChoices(db, id);
    await markErased(db, id);
    const version = subscriber.preferenceVersion + 1;
    const change = { id: changeId, tenantId, subscriberId: id, suppressionId: undefined, version };
    await insertChange(db, { ...change, kind: 'erased', summary: {} }, LEAVE_MS);
    const at = new Date();
    await appendConsent(
      db,
      { tenantId, subscriberId: id, key },
      { actor: keyId, action: 'erased', changeId, payload: { version } },
      at,
    );
    await appendAudit(
      db,
      tenantId,
      { actor: keyId, action: 'subscriber.erased', subject: id, payload: { changeId } },
      at,
    );
  });
  await forgetDecisions(platform, [id]).catch(() => undefined);
  followSoon(platform, { changeId, tenantId, summary: `erasure of ${id}` });
}
