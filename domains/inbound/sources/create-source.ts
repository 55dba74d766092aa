import { asId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { openHandlers } from '../processing/handlers';
import { hasSecrets } from '../rules/schemes';
import { insertInboundSecret, listInboundSecrets } from '../store/secrets';
import { type InboundSource, insertSource, lockSource, type SourceSettings } from '../store/sources';
import { checkSource } from './check-source';
import { openInboundSecret, sealInboundSecret, secretFor } from './sealing';

/** The effect of a tenant's request, and the API key that sent it. */
export type KeyedEffect = Effect & { keyId: PublicId };

/**
 * Stores a new source with its first secret, once per effect, with an entry in the audit log.
 *
 * @param input - `secret`: what the sender signs with; generated if left out, unless the sender makes it
 * @returns `secret`: `undefined` for a scheme that has none
 * @throws InboundRefusal when the settings do not fit together
 */
export async function createSource(
  platform: Platform,
  { tenantId, keyId, effectId, fence }: KeyedEffect,
  { secret: given, ...settings }: SourceSettings & { secret: string | undefined },
): Promise<{ source: InboundSource; secret: string | undefined }> {
  const { pool, keyring } = platform;
  checkSource(settings, platform.once(openHandlers));
  const secret = hasSecrets(settings.scheme) || given !== undefined ? secretFor(settings.scheme, given) : undefined;
  const id = asId('src', effectId);
  const secretId = asId('ins', effectId);
  return inTransaction(pool, async (db) => {
    await fence(db);
    const made = await lockSource(db, tenantId, id);
    const madeSecret = made && (await listInboundSecrets(db, id)).find((known) => known.id === secretId);
    if (made !== undefined && (madeSecret !== undefined || secret === undefined)) {
      return { source: made, secret: madeSecret && openInboundSecret(keyring, madeSecret) };
    }
    const source = await insertSource(db, { id, tenantId }, settings);
    if (secret !== undefined) {
      await insertInboundSecret(db, id, { id: secretId, encrypted: sealInboundSecret(keyring, secretId, secret) });
    }
    await appendAudit(db, tenantId, { actor: keyId, action: 'inbound-source.created', subject: id, payload: settings });
    return { source, secret };
  });
}
