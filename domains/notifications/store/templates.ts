import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Content } from '../rules/content';

/** What notifications of a kind say, without what it says. */
export interface Template {
  key: string;
  name: string;
  description: string;
  /** The latest. */
  version: number;
  /** Grows with every change. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** What a template said at one time; it never changes. */
export interface TemplateVersion {
  version: number;
  content: Content;
  createdBy: string;
  createdAt: Date;
}

interface Row {
  key: string;
  name: string;
  description: string;
  version: number;
  revision: string;
  created_at: Date;
  updated_at: Date;
}

interface VersionRow {
  version: number;
  content: Content;
  created_by: string;
  created_at: Date;
}

const COLUMNS = 'key, name, description, version, revision, created_at, updated_at';
const VERSION_COLUMNS = 'version, content, created_by, created_at';

/** @returns `undefined` when the tenant has one with the key */
export async function insertTemplate(
  db: Queryable,
  tenantId: PublicId,
  { key, name, description }: Pick<Template, 'key' | 'name' | 'description'>,
): Promise<Template | undefined> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO notification_templates (tenant_id, key, name, description) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    values: [toUuid(tenantId), key, name, description],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

export async function insertTemplateVersion(
  db: Queryable,
  tenantId: PublicId,
  template: string,
  { version, content, createdBy }: Omit<TemplateVersion, 'createdAt'>,
): Promise<void> {
  await db.query({
    text: `INSERT INTO notification_template_versions (tenant_id, template, version, content, created_by)
           VALUES ($1, $2, $3, $4, $5)`,
    values: [toUuid(tenantId), template, version, JSON.stringify(content), createdBy],
  });
}

/** @param lock - whether changes wait until the transaction ends */
export async function findTemplate(
  db: Queryable,
  tenantId: PublicId,
  key: string,
  lock: '' | 'FOR UPDATE' = '',
): Promise<Template | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM notification_templates WHERE tenant_id = $1 AND key = $2 ${lock}`,
    values: [toUuid(tenantId), key],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** A version; without a number the latest. Indexes: notification_templates_pkey, notification_template_versions_pkey. */
export async function findTemplateVersion(
  db: Queryable,
  tenantId: PublicId,
  key: string,
  version: number | undefined,
): Promise<TemplateVersion | undefined> {
  const { rows } = await db.query<VersionRow>({
    name: 'template-version',
    text: `SELECT ${VERSION_COLUMNS} FROM notification_template_versions
           WHERE tenant_id = $1 AND template = $2
             AND version = coalesce($3, (SELECT t.version FROM notification_templates t WHERE t.tenant_id = $1 AND t.key = $2))`,
    values: [toUuid(tenantId), key, version],
  });
  return rows[0] === undefined ? undefined : versionFromRow(rows[0]);
}

/** Index: notification_templates_pkey. */
export async function listTemplates(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<Template>> {
  const index = { prefix: ['tenant_id', toUuid(tenantId)], key: 'key' } as const;
  return mapPage(
    await readPage<Row>(db, { columns: COLUMNS, table: 'notification_templates', index }, request),
    fromRow,
  );
}

/** The last hundred, the latest first. Index: notification_template_versions_pkey. */
export async function listTemplateVersions(db: Queryable, tenantId: PublicId, key: string): Promise<TemplateVersion[]> {
  const { rows } = await db.query<VersionRow>({
    text: `SELECT ${VERSION_COLUMNS} FROM notification_template_versions WHERE tenant_id = $1 AND template = $2
           ORDER BY version DESC LIMIT 100`,
    values: [toUuid(tenantId), key],
  });
  return rows.map(versionFromRow);
}

/** The fields to change. */
export interface TemplateColumns {
  name?: string | undefined;
  description?: string | undefined;
  version?: number | undefined;
}

/** @returns `undefined` when the revision is none of the expected ones */
export async function updateTemplate(
  db: Queryable,
  tenantId: PublicId,
  key: string,
  { name, description, version }: TemplateColumns,
  expected: ExpectedVersion | undefined,
): Promise<Template | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE notification_templates
           SET name = coalesce($3, name), description = coalesce($4, description), version = coalesce($5, version),
               revision = revision + 1, updated_at = now()
           WHERE tenant_id = $1 AND key = $2 AND ($6::bigint[] IS NULL OR revision = ANY ($6)) RETURNING ${COLUMNS}`,
    values: [toUuid(tenantId), key, name, description, version, versionsToMatch(expected)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** With all its versions. @returns false when the revision is none of the expected ones */
export async function removeTemplate(
  db: Queryable,
  tenantId: PublicId,
  key: string,
  expected: ExpectedVersion | undefined,
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `DELETE FROM notification_templates
           WHERE tenant_id = $1 AND key = $2 AND ($3::bigint[] IS NULL OR revision = ANY ($3))`,
    values: [toUuid(tenantId), key, versionsToMatch(expected)],
  });
  return rowCount === 1;
}

function fromRow(row: Row): Template {
  return {
    key: row.key,
    name: row.name,
    description: row.description,
    version: row.version,
    revision: Number(row.revision),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function versionFromRow(row: VersionRow): TemplateVersion {
  return { version: row.version, content: row.content, createdBy: row.created_by, createdAt: row.created_at };
}
