import { asId, type PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { Platform } from '../../../infra/platform/platform';
import { appendAudit } from '../../audit';
import { InboundRefusal } from '../refusals';
import { hasSecrets } from '../rules/schemes';
import { secretForm } from '../rules/secret-keys';
import {
  deleteInboundSecret,
  type InboundSecret,
  insertInboundSecret,
  listInboundSecrets,
  retireInboundSecrets,
} from '../store/secrets';
import { bumpSource } from '../store/sources';
import type { KeyedEffect } from './create-source';
import { openInboundSecret, sealInboundSecret, secretFor } from './sealing';
import { requireSource, type SourceCommand, withSource } from './with-source';

/** Every secret is tried on every request. */
const MAX_SECRETS = 10;

/** A secret, and the id that it is removed by. */
export type AddedSecret = InboundSecret & { secret: string };

/** The secrets that a source's requests may be signed with, newest first. @throws InboundRefusal */
export async function showInboundSecrets(
  { pool }: Pick<Platform, 'pool'>,
  tenantId: PublicId,
  sourceId: PublicId,
): Promise<InboundSecret[]> {
  await requireSource(pool, tenantId, sourceId);
  return listInboundSecrets(pool, sourceId);
}

/**
 * Adds a secret, once per effect. The others go on verifying for the overlap, or until they are removed.
 *
 * @param addition - `secret`: generated if left out, unless the sender makes it; `overlapMs`: null for no end
 * @throws InboundRefusal when there is no such source, or it cannot have this secret
 */
export function addInboundSecret(
  { pool, keyring }: Pick<Platform, 'pool' | 'keyring'>,
  { tenantId, keyId, effectId, fence }: KeyedEffect,
  addition: { sourceId: PublicId; secret: string | undefined; overlapMs: number | null },
): Promise<AddedSecret> {
  const { sourceId, secret: given, overlapMs } = addition;
  const id = asId('ins', effectId);
  return withSource(pool, { tenantId, id: sourceId }, async (db, { scheme }) => {
    await fence(db);
    const known = await listInboundSecrets(db, sourceId);
    const made = known.find((other) => other.id === id);
    if (made !== undefined) return { ...made, secret: openInboundSecret(keyring, made) };
    if (!hasSecrets(scheme)) {
      throw new InboundRefusal('unusable-secret', `expected ${secretForm(scheme)}`, { field: ['secret'] });
    }
    const secret = secretFor(scheme, given);
    if (known.some((other) => isText(keyring, other, secret))) {
      throw new InboundRefusal('secret-in-use', 'is one of the secrets that the source has', { field: ['secret'] });
    }
    if (overlapMs !== 0 && known.length >= MAX_SECRETS) {
      throw new InboundRefusal(
        'too-many-secrets',
        `The source has ${known.length} secrets: remove one first, or end them all with the overlap "0s".`,
      );
    }
    if (overlapMs !== null) await retireInboundSecrets(db, sourceId, overlapMs);
    await insertInboundSecret(db, sourceId, { id, encrypted: sealInboundSecret(keyring, id, secret) });
    await bumpSource(db, sourceId);
    const payload = { secretId: id, overlapMs };
    await appendAudit(db, tenantId, { actor: keyId, action: 'inbound-secret.added', subject: sourceId, payload });
    const [added] = await listInboundSecrets(db, sourceId);
    if (added === undefined) throw new Error('the secret was not stored');
    return { ...added, secret };
  });
}

/** One that no key of the ring can read is taken for another: adding a new one is how to get over that. */
function isText(keyring: Keyring, known: InboundSecret, text: string): boolean {
  try {
    return openInboundSecret(keyring, known) === text;
  } catch {
    return false;
  }
}

/**
 * Removes a secret at once.
 *
 * @throws InboundRefusal when there is no such source or secret, or it is the only one
 */
export function removeInboundSecret(
  { pool }: Pick<Platform, 'pool'>,
  { tenantId, keyId, id: sourceId }: SourceCommand,
  secretId: PublicId,
): Promise<void> {
  return withSource(pool, { tenantId, id: sourceId }, async (db) => {
    const known = await listInboundSecrets(db, sourceId);
    if (!known.some(({ id }) => id === secretId)) throw new InboundRefusal('no-such-secret');
    if (known.length === 1) {
      throw new InboundRefusal('last-secret', 'It is the only secret: add another one first, or disable the source.');
    }
    await deleteInboundSecret(db, sourceId, secretId);
    await bumpSource(db, sourceId);
    const payload = { secretId };
    await appendAudit(db, tenantId, { actor: keyId, action: 'inbound-secret.removed', subject: sourceId, payload });
  });
}
