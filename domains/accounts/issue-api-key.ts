import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { newApiKey } from './api-key-format';
import { type ApiKey, insertApiKey, type NewApiKey, replaceApiKeySecret } from './store/api-keys';

/** A key with its text, which is shown only once. */
export type IssuedApiKey = ApiKey & { text: string };

export async function issueApiKey(db: Queryable, key: Omit<NewApiKey, 'secretHash'>): Promise<IssuedApiKey> {
  const { text, secretHash } = newApiKey(key.id);
  const stored = await insertApiKey(db, { ...key, secretHash });
  if (stored === undefined) throw new Error('a new API key has the id of another');
  return { ...stored, text };
}

/**
 * Gives a new secret to the key of an earlier execution of this request, which was cut off before anybody saw the
 * secret.
 *
 * @returns `undefined` when there is none
 */
export async function reissueApiKey(
  db: Queryable,
  { tenantId, id }: { tenantId: PublicId; id: PublicId },
): Promise<IssuedApiKey | undefined> {
  const { text, secretHash } = newApiKey(id);
  const stored = await replaceApiKeySecret(db, { tenantId, id, secretHash });
  return stored === undefined ? undefined : { ...stored, text };
}
