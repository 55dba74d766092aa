import type { Platform } from '../../../infra/platform/platform';
import { appendAudit } from '../../audit';
import { openHandlers } from '../processing/handlers';
import { type InboundSource, markSourceDeleted, type SourceSettings, updateSource } from '../store/sources';
import { checkSource } from './check-source';
import { changedMeanwhile, type SourceCommand, withSource } from './with-source';

/** The fields to change; those left out stay. A source keeps its scheme. */
export type SourceChange = { [K in keyof Omit<SourceSettings, 'scheme'>]?: SourceSettings[K] | undefined };

/**
 * Changes the given fields of a source, with an entry in the audit log.
 *
 * @throws InboundRefusal when there is no such source, it is none of the expected revisions, or the settings would not fit
 *   together
 */
export function changeSource(
  platform: Platform,
  { tenantId, keyId, id, expected }: SourceCommand,
  change: SourceChange,
): Promise<InboundSource> {
  return withSource(platform.pool, { tenantId, id }, async (db, source) => {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    const settings: SourceSettings = { ...source, ...given };
    checkSource(settings, platform.once(openHandlers));
    const updated = await updateSource(db, id, settings, expected);
    if (updated === undefined) throw changedMeanwhile(source);
    await appendAudit(db, tenantId, { actor: keyId, action: 'inbound-source.changed', subject: id, payload: given });
    return updated;
  });
}

/**
 * Deletes a source: requests to it are refused from now on; events that it has sent are processed all the same.
 *
 * @throws InboundRefusal when there is no such source, or it is none of the expected revisions
 */
export function deleteSource(platform: Platform, { tenantId, keyId, id, expected }: SourceCommand): Promise<void> {
  return withSource(platform.pool, { tenantId, id }, async (db, source) => {
    if (!(await markSourceDeleted(db, id, expected))) throw changedMeanwhile(source);
    await appendAudit(db, tenantId, { actor: keyId, action: 'inbound-source.deleted', subject: id, payload: {} });
  });
}
