import { asId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { appendAudit } from '../../audit';
import { openFollowUps } from '../changes/open-follow-ups';
import { PreferenceRefusal } from '../refusals';
import type { ExportFormat } from '../rules/export-text';
import { subscriberExportWorkflowId } from '../rules/workflow-names';
import { startExport } from '../start';
import { countExports, findExport, insertExport, type SubscriberExport } from '../store/exports';
import type { KeyedEffect } from '../subscribers/create-subscriber';
import { requireSubscriber, withSubscriber } from '../subscribers/with-subscriber';

/** Each is a copy of everything, until it expires. */
export const MOST_EXPORTS = 10;

/** An export that is still collecting after so long is looked after by the sweep. */
export const EXPORT_LEAVE_MS = 10 * 60_000;

const WITHIN_MS = 10_000;

/**
 * Has everything held about a subscriber collected, once per effect, with an entry in the audit log. Its workflow does it; if
 * that cannot be started, the sweep starts it.
 *
 * @throws PreferenceRefusal when there is no such subscriber, or they have too many exports
 */
export async function requestExport(
  platform: Platform,
  { tenantId, keyId, effectId, fence }: KeyedEffect,
  subscriberId: PublicId,
  format: ExportFormat,
): Promise<SubscriberExport> {
  const id = asId('sxp', effectId);
  const requested = await withSubscriber(platform.pool, { tenantId, id: subscriberId }, async (db) => {
    await fence(db);
    const made = await findExport(db, id);
    if (made !== undefined) return made;
    if ((await countExports(db, subscriberId)) >= MOST_EXPORTS) {
      const detail = `They may have ${MOST_EXPORTS} exports; download one of those, or wait until one expires.`;
      throw new PreferenceRefusal('too-many-exports', detail);
    }
    await insertExport(db, { id, tenantId, subscriberId, format, requestedBy: keyId }, EXPORT_LEAVE_MS);
    const payload = { subscriberId, format };
    await appendAudit(db, tenantId, { actor: keyId, action: 'subscriber.export_requested', subject: id, payload });
    return findExport(db, id);
  });
  if (requested === undefined) throw new Error(`the export ${id} was not stored`);
  if (requested.state === 'collecting') {
    platform
      .once(openFollowUps)
      .start(subscriberExportWorkflowId(id), () => startExport(platform, requested, WITHIN_MS));
  }
  return requested;
}

/** An export of a tenant's subscriber. @throws PreferenceRefusal when there is none, or they are erased */
export async function requireExport(
  { pool }: Pick<Platform, 'pool'>,
  { tenantId, subscriberId, id }: { tenantId: PublicId; subscriberId: PublicId; id: PublicId },
): Promise<SubscriberExport> {
  await requireSubscriber(pool, tenantId, subscriberId);
  const found = await findExport(pool, id);
  if (found === undefined || found.subscriberId !== subscriberId) throw new PreferenceRefusal('no-such-export');
  return found;
}
