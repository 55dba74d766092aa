import { outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { PreferenceRefusal } from '../refusals';
import {
  type CatalogueKey,
  type Category,
  type CategoryFields,
  type Changes,
  deleteCategory,
  findCategory,
  hasTopics,
  insertCategory,
  updateCategory,
} from '../store/catalogue';

/** Which entry of a tenant's catalogue, and the API key that asks. */
export type CatalogueCommand = CatalogueKey & { keyId: PublicId };

type Deps = Pick<Platform, 'pool'>;

/** Lays down a category, with an entry in the audit log. @throws PreferenceRefusal when there is one with this key */
export function createCategory({ pool }: Deps, command: CatalogueCommand, fields: CategoryFields): Promise<Category> {
  const { tenantId, keyId, key } = command;
  return inTransaction(pool, async (db) => {
    const category = await insertCategory(db, { tenantId, key }, fields);
    if (category === undefined) {
      throw new PreferenceRefusal('category-exists', `There is a category "${key}"; change that one.`);
    }
    await appendAudit(db, tenantId, { actor: keyId, action: 'category.created', subject: key, payload: fields });
    return category;
  });
}

/**
 * Changes the given fields of a category, with an entry in the audit log. They count for the next decision: a new policy
 * changes what subscribers who have chosen nothing are sent.
 *
 * @throws PreferenceRefusal when there is none of this key, or it is none of the expected revisions
 */
export function changeCategory(
  { pool }: Deps,
  { tenantId, keyId, key, expected }: CatalogueCommand,
  changes: Changes<CategoryFields>,
): Promise<Category> {
  return inTransaction(pool, async (db) => {
    const category = await updateCategory(db, { tenantId, key, expected }, changes);
    if (category === undefined) throw await refusal(db, tenantId, key);
    await appendAudit(db, tenantId, { actor: keyId, action: 'category.changed', subject: key, payload: changes });
    return category;
  });
}

/**
 * Removes a category. What subscribers have chosen of it stays, should it come back.
 *
 * @throws PreferenceRefusal as {@link changeCategory} does, and while it has topics
 */
export async function removeCategory(
  { pool }: Deps,
  { tenantId, keyId, key, expected }: CatalogueCommand,
): Promise<void> {
  await inTransaction(pool, async (db) => {
    if (await hasTopics(db, tenantId, key)) {
      throw new PreferenceRefusal('category-in-use', 'It has topics: move them to another category, or delete them.');
    }
    if (!(await deleteCategory(db, { tenantId, key, expected }))) throw await refusal(db, tenantId, key);
    await appendAudit(db, tenantId, { actor: keyId, action: 'category.deleted', subject: key, payload: {} });
  });
}

async function refusal(db: Queryable, tenantId: PublicId, key: string): Promise<PreferenceRefusal> {
  const version = (await findCategory(db, tenantId, key))?.revision;
  if (version === undefined) return new PreferenceRefusal('no-such-category');
  return new PreferenceRefusal('changed-meanwhile', outdatedDetail('The category', version), { version });
}
