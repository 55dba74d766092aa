import { outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { PreferenceRefusal } from '../refusals';
import {
  type Changes,
  deleteTopic,
  findCategory,
  findTopic,
  insertTopic,
  type Topic,
  type TopicFields,
  updateTopic,
} from '../store/catalogue';
import type { CatalogueCommand } from './categories';

type Deps = Pick<Platform, 'pool'>;

/**
 * Lays down a topic, with an entry in the audit log.
 *
 * @throws PreferenceRefusal when there is one with this key, or no such category
 */
export function createTopic({ pool }: Deps, command: CatalogueCommand, fields: TopicFields): Promise<Topic> {
  const { tenantId, keyId, key } = command;
  return inTransaction(pool, async (db) => {
    await requireCategory(db, tenantId, fields.category);
    const topic = await insertTopic(db, { tenantId, key }, fields);
    if (topic === undefined) throw new PreferenceRefusal('topic-exists', `There is a topic "${key}"; change that one.`);
    await appendAudit(db, tenantId, { actor: keyId, action: 'topic.created', subject: key, payload: fields });
    return topic;
  });
}

/**
 * Changes the given fields of a topic, with an entry in the audit log. They count for the next decision.
 *
 * @throws PreferenceRefusal when there is none of this key, it is none of the expected revisions, or no such category
 */
export function changeTopic(
  { pool }: Deps,
  { tenantId, keyId, key, expected }: CatalogueCommand,
  changes: Changes<TopicFields>,
): Promise<Topic> {
  return inTransaction(pool, async (db) => {
    if (changes.category !== undefined) await requireCategory(db, tenantId, changes.category);
    const topic = await updateTopic(db, { tenantId, key, expected }, changes);
    if (topic === undefined) throw await refusal(db, tenantId, key);
    await appendAudit(db, tenantId, { actor: keyId, action: 'topic.changed', subject: key, payload: changes });
    return topic;
  });
}

/** Removes a topic. What subscribers have chosen of it stays, should it come back. @throws as {@link changeTopic} does */
export async function removeTopic({ pool }: Deps, { tenantId, keyId, key, expected }: CatalogueCommand): Promise<void> {
  await inTransaction(pool, async (db) => {
    if (!(await deleteTopic(db, { tenantId, key, expected }))) throw await refusal(db, tenantId, key);
    await appendAudit(db, tenantId, { actor: keyId, action: 'topic.deleted', subject: key, payload: {} });
  });
}

async function requireCategory(db: Queryable, tenantId: PublicId, key: string): Promise<void> {
  if ((await findCategory(db, tenantId, key)) !== undefined) return;
  throw new PreferenceRefusal('unknown-category', 'is no category that there is', { field: ['category'] });
}

async function refusal(db: Queryable, tenantId: PublicId, key: string): Promise<PreferenceRefusal> {
  const version = (await findTopic(db, tenantId, key))?.revision;
  if (version === undefined) return new PreferenceRefusal('no-such-topic');
  return new PreferenceRefusal('changed-meanwhile', outdatedDetail('The topic', version), { version });
}
