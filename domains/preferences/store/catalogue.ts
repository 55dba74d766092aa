import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Policy } from '../rules/choices';

/** What notifications are of, as subscribers choose among it. */
export interface Category {
  key: string;
  name: string;
  description: string;
  policy: Policy;
  /** Whether its mail needs a postal address and a link to unsubscribe. */
  commercial: boolean;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** What notifications are about, within a category. */
export interface Topic {
  key: string;
  name: string;
  description: string;
  category: string;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** Whose, which one, and which revisions it may have. */
export interface CatalogueKey {
  tenantId: PublicId;
  key: string;
  expected?: ExpectedVersion | undefined;
}

interface BaseRow {
  key: string;
  name: string;
  description: string;
  revision: string;
  created_at: Date;
  updated_at: Date;
}

interface CategoryRow extends BaseRow {
  policy: Policy;
  commercial: boolean;
}

interface TopicRow extends BaseRow {
  category: string;
}

const BASE = 'key, name, description, revision, created_at, updated_at';
const CATEGORY_COLUMNS = `${BASE}, policy, commercial`;
const TOPIC_COLUMNS = `${BASE}, category`;

export type CategoryFields = Pick<Category, 'name' | 'description' | 'policy' | 'commercial'>;
export type TopicFields = Pick<Topic, 'name' | 'description' | 'category'>;

/** The fields to change. */
export type Changes<T> = { [K in keyof T]?: T[K] | undefined };

/** @returns `undefined` when there is one with this key */
export async function insertCategory(
  db: Queryable,
  { tenantId, key }: CatalogueKey,
  { name, description, policy, commercial }: CategoryFields,
): Promise<Category | undefined> {
  const { rows } = await db.query<CategoryRow>({
    text: `INSERT INTO notification_categories (tenant_id, key, name, description, policy, commercial)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING ${CATEGORY_COLUMNS}`,
    values: [toUuid(tenantId), key, name, description, policy, commercial],
  });
  return rows[0] === undefined ? undefined : categoryFromRow(rows[0]);
}

/** Index: notification_categories_pkey. */
export async function findCategory(db: Queryable, tenantId: PublicId, key: string): Promise<Category | undefined> {
  const { rows } = await db.query<CategoryRow>({
    text: `SELECT ${CATEGORY_COLUMNS} FROM notification_categories WHERE tenant_id = $1 AND key = $2`,
    values: [toUuid(tenantId), key],
  });
  return rows[0] === undefined ? undefined : categoryFromRow(rows[0]);
}

/** Index: notification_categories_pkey. */
export async function listCategories(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<Category>> {
  const index = { prefix: ['tenant_id', toUuid(tenantId)], key: 'key' } as const;
  const query = { columns: CATEGORY_COLUMNS, table: 'notification_categories', index };
  return mapPage(await readPage<CategoryRow>(db, query, request), categoryFromRow);
}

/** @returns `undefined` when there is none, or none of an expected revision */
export async function updateCategory(
  db: Queryable,
  { tenantId, key, expected }: CatalogueKey,
  { name, description, policy, commercial }: Changes<CategoryFields>,
): Promise<Category | undefined> {
  const { rows } = await db.query<CategoryRow>({
    text: `UPDATE notification_categories
           SET name = coalesce($3, name), description = coalesce($4, description), policy = coalesce($5, policy),
               commercial = coalesce($6, commercial), revision = revision + 1, updated_at = now()
           WHERE tenant_id = $1 AND key = $2 AND ($7::bigint[] IS NULL OR revision = ANY ($7))
           RETURNING ${CATEGORY_COLUMNS}`,
    values: [toUuid(tenantId), key, name, description, policy, commercial, versionsToMatch(expected)],
  });
  return rows[0] === undefined ? undefined : categoryFromRow(rows[0]);
}

/** @returns false when there is none, or none of an expected revision */
export async function deleteCategory(db: Queryable, { tenantId, key, expected }: CatalogueKey): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `DELETE FROM notification_categories
           WHERE tenant_id = $1 AND key = $2 AND ($3::bigint[] IS NULL OR revision = ANY ($3))`,
    values: [toUuid(tenantId), key, versionsToMatch(expected)],
  });
  return rowCount === 1;
}

/** Whether a category has topics. Index: notification_topics_by_category. */
export async function hasTopics(db: Queryable, tenantId: PublicId, category: string): Promise<boolean> {
  const { rows } = await db.query({
    text: 'SELECT FROM notification_topics WHERE tenant_id = $1 AND category = $2 LIMIT 1',
    values: [toUuid(tenantId), category],
  });
  return rows.length > 0;
}

/** @returns `undefined` when there is one with this key */
export async function insertTopic(
  db: Queryable,
  { tenantId, key }: CatalogueKey,
  { name, description, category }: TopicFields,
): Promise<Topic | undefined> {
  const { rows } = await db.query<TopicRow>({
    text: `INSERT INTO notification_topics (tenant_id, key, name, description, category)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING ${TOPIC_COLUMNS}`,
    values: [toUuid(tenantId), key, name, description, category],
  });
  return rows[0] === undefined ? undefined : topicFromRow(rows[0]);
}

/** Index: notification_topics_pkey. */
export async function findTopic(db: Queryable, tenantId: PublicId, key: string): Promise<Topic | undefined> {
  const { rows } = await db.query<TopicRow>({
    text: `SELECT ${TOPIC_COLUMNS} FROM notification_topics WHERE tenant_id = $1 AND key = $2`,
    values: [toUuid(tenantId), key],
  });
  return rows[0] === undefined ? undefined : topicFromRow(rows[0]);
}

/** Index: notification_topics_pkey. */
export async function listTopics(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<Topic>> {
  const index = { prefix: ['tenant_id', toUuid(tenantId)], key: 'key' } as const;
  const query = { columns: TOPIC_COLUMNS, table: 'notification_topics', index };
  return mapPage(await readPage<TopicRow>(db, query, request), topicFromRow);
}

/** @returns `undefined` when there is none, or none of an expected revision */
export async function updateTopic(
  db: Queryable,
  { tenantId, key, expected }: CatalogueKey,
  { name, description, category }: Changes<TopicFields>,
): Promise<Topic | undefined> {
  const { rows } = await db.query<TopicRow>({
    text: `UPDATE notification_topics
           SET name = coalesce($3, name), description = coalesce($4, description), category = coalesce($5, category),
               revision = revision + 1, updated_at = now()
           WHERE tenant_id = $1 AND key = $2 AND ($6::bigint[] IS NULL OR revision = ANY ($6))
           RETURNING ${TOPIC_COLUMNS}`,
    values: [toUuid(tenantId), key, name, description, category, versionsToMatch(expected)],
  });
  return rows[0] === undefined ? undefined : topicFromRow(rows[0]);
}

/** @returns false when there is none, or none of an expected revision */
export async function deleteTopic(db: Queryable, { tenantId, key, expected }: CatalogueKey): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `DELETE FROM notification_topics
           WHERE tenant_id = $1 AND key = $2 AND ($3::bigint[] IS NULL OR revision = ANY ($3))`,
    values: [toUuid(tenantId), key, versionsToMatch(expected)],
  });
  return rowCount === 1;
}

/** Of these keys of categories, those that there are. Index: notification_categories_pkey. */
export function knownCategories(db: Queryable, tenantId: PublicId, keys: readonly string[]): Promise<Set<string>> {
  return knownKeys(db, 'notification_categories', tenantId, keys);
}

/** Of these keys of topics, those that there are. Index: notification_topics_pkey. */
export function knownTopics(db: Queryable, tenantId: PublicId, keys: readonly string[]): Promise<Set<string>> {
  return knownKeys(db, 'notification_topics', tenantId, keys);
}

async function knownKeys(
  db: Queryable,
  table: 'notification_categories' | 'notification_topics',
  tenantId: PublicId,
  keys: readonly string[],
): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await db.query<{ key: string }>({
    text: `SELECT key FROM ${table} WHERE tenant_id = $1 AND key = ANY ($2)`,
    values: [toUuid(tenantId), keys],
  });
  return new Set(rows.map(({ key }) => key));
}

function baseFromRow({ key, name, description, revision, created_at, updated_at }: BaseRow) {
  return { key, name, description, revision: Number(revision), createdAt: created_at, updatedAt: updated_at };
}

function categoryFromRow(row: CategoryRow): Category {
  return { ...baseFromRow(row), policy: row.policy, commercial: row.commercial };
}

function topicFromRow(row: TopicRow): Topic {
  return { ...baseFromRow(row), category: row.category };
}
