import { type ExpectedVersion, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { NotificationRefusal } from '../refusals';
import {
  findSettings,
  keepSettings,
  type NotificationSettings,
  type SettingsChange,
  updateSettings,
} from '../store/settings';

/**
 * Changes who a tenant's mail is from, with an entry in the audit log.
 *
 * @throws NotificationRefusal when they are none of the expected revisions
 */
export function changeNotificationSettings(
  { pool }: Pick<Platform, 'pool'>,
  { tenantId, keyId, expected }: { tenantId: PublicId; keyId: PublicId; expected: ExpectedVersion | undefined },
  change: SettingsChange,
): Promise<NotificationSettings> {
  return inTransaction(pool, async (db) => {
    await keepSettings(db, tenantId);
    const updated = await updateSettings(db, tenantId, change, expected);
    if (updated === undefined) {
      const { revision: version } = await findSettings(db, tenantId);
      throw new NotificationRefusal('changed-meanwhile', outdatedDetail('The settings', version), { version });
    }
    const event = { actor: keyId, action: 'notification-settings.changed', subject: tenantId, payload: change };
    await appendAudit(db, tenantId, event);
    return updated;
  });
}
