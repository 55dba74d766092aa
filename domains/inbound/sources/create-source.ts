import { asId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { openHandlers } from '../processing/handlers';
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
 * @throws InboundRefusal when the settings do not fit together
 */
export async function createSource(
  platform: Platform,
  { tenantId, keyId, effectId, fence }: KeyedEffect,
  { secret: given, ...settings }: SourceSettings & { secret: string | undefined },
): Promise<{ source: InboundSource; secret: string }> {
  const { pool, keyring } = platform;
  checkSource(settings, platform.once(openHandlers));
  const secret = secretFor(settings.scheme, given);
  const id = asId('src', effectId);
  const secretId = asId('ins', effectId);
  return inTransaction(pool, async (db) => {
    await fence(db);
    const made = await lockSource(db, tenantId, id);
    const madeSecret = made && (await listInboundSecrets(db, id)).find((known) => known.id === secretId);
    if (made !== undefined && madeSecret !== undefined) {
      return { source: made, secret: openInboundSecret(keyring, madeSecret) };
    }
    const source = await insertSource(db, { id, tenantId }, settings);
    await insertInboundSecret(db, id, { id: secretId, encrypted: sealInboundSecret(keyring, secretId, secret) });
    await appendAudit(db, tenantId, { actor: keyId, action: 'inbound-source.created', subject: id, payload: settings });
    return { source, secret };
  });
}
