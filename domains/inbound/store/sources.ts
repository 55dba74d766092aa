import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { InboundRoute } from '../rules/route';
import type { Verifiable } from '../rules/schemes';

/** A source's settings, as its tenant gives them. */
export interface SourceSettings extends Verifiable {
  name: string;
  description: string;
  /** A disabled source takes nothing. */
  enabled: boolean;
  route: InboundRoute;
}

/** Somebody who sends webhooks to a tenant. */
export interface InboundSource extends SourceSettings {
  id: PublicId;
  tenantId: PublicId;
  /** Grows with every change, of secrets too. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** What the column `signing` has of a source of SNS. */
interface Topics {
  topicArns: string[];
}

export interface SourceRow {
  id: string;
  tenant_id: string;
  name: string;
  description: string;
  enabled: boolean;
  scheme: InboundSource['scheme'];
  signing: InboundSource['signing'] | Topics | null;
  event_id: InboundSource['eventId'];
  tolerance_ms: number;
  route: InboundRoute;
  revision: number;
  created_at: Date;
  updated_at: Date;
}

export const SOURCE_COLUMNS = `id, tenant_id, name, description, enabled, scheme, signing, event_id, tolerance_ms, route,
  revision, created_at, updated_at`;

export async function insertSource(
  db: Queryable,
  { id, tenantId }: { id: PublicId; tenantId: PublicId },
  settings: SourceSettings,
): Promise<InboundSource> {
  const { rows } = await db.query<SourceRow>({
    text: `INSERT INTO inbound_sources (id, tenant_id, name, description, enabled, signing, event_id, tolerance_ms, route,
                                        scheme)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ${SOURCE_COLUMNS}`,
    values: [toUuid(id), toUuid(tenantId), ...valuesOf(settings), settings.scheme],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert returned no row');
  return sourceFromRow(row);
}

export function findSource(db: Queryable, tenantId: PublicId, id: PublicId): Promise<InboundSource | undefined> {
  return readOne(db, tenantId, id, '');
}

/** Like {@link findSource}, locked until the transaction ends. */
export function lockSource(db: Queryable, tenantId: PublicId, id: PublicId): Promise<InboundSource | undefined> {
  return readOne(db, tenantId, id, 'FOR UPDATE');
}

/** Index: inbound_sources_by_tenant. */
export async function listSources(
  db: Queryable,
  tenantId: PublicId,
  request: PageRequest,
): Promise<Page<InboundSource>> {
  const query = {
    columns: SOURCE_COLUMNS,
    table: 'inbound_sources',
    index: { prefix: ['tenant_id', toUuid(tenantId)], key: 'id', where: 'deleted_at IS NULL' } as const,
  };
  return mapPage(await readPage<SourceRow>(db, query, request), sourceFromRow);
}

/**
 * Replaces a source's settings, all but its scheme. To be called in the transaction that locked it.
 *
 * @returns `undefined` when its revision is none of the expected ones
 */
export async function updateSource(
  db: Queryable,
  id: PublicId,
  settings: SourceSettings,
  expected: ExpectedVersion | undefined,
): Promise<InboundSource | undefined> {
  const { rows } = await db.query<SourceRow>({
    text: `UPDATE inbound_sources
           SET name = $2, description = $3, enabled = $4, signing = $5, event_id = $6, tolerance_ms = $7, route = $8,
               revision = revision + 1, updated_at = now()
           WHERE id = $1 AND ($9::bigint[] IS NULL OR revision = ANY ($9)) RETURNING ${SOURCE_COLUMNS}`,
    values: [toUuid(id), ...valuesOf(settings), versionsToMatch(expected)],
  });
  return rows[0] === undefined ? undefined : sourceFromRow(rows[0]);
}

/** Shows caches that a secret has changed. */
export async function bumpSource(db: Queryable, id: PublicId): Promise<void> {
  await db.query({
    text: 'UPDATE inbound_sources SET revision = revision + 1, updated_at = now() WHERE id = $1',
    values: [toUuid(id)],
  });
}

/**
 * Marks a source deleted: it takes nothing more. Events that it has sent are processed all the same.
 *
 * @returns false when its revision is none of the expected ones
 */
export async function markSourceDeleted(
  db: Queryable,
  id: PublicId,
  expected: ExpectedVersion | undefined,
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE inbound_sources SET deleted_at = now(), updated_at = now(), revision = revision + 1
           WHERE id = $1 AND deleted_at IS NULL AND ($2::bigint[] IS NULL OR revision = ANY ($2))`,
    values: [toUuid(id), versionsToMatch(expected)],
  });
  return rowCount === 1;
}

async function readOne(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  lock: string,
): Promise<InboundSource | undefined> {
  const { rows } = await db.query<SourceRow>({
    text: `SELECT ${SOURCE_COLUMNS} FROM inbound_sources
           WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL ${lock}`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : sourceFromRow(rows[0]);
}

function valuesOf(settings: SourceSettings): unknown[] {
  const { name, description, enabled, scheme, topicArns, eventId, toleranceMs, route } = settings;
  const signing = scheme === 'sns' ? ({ topicArns: [...topicArns] } satisfies Topics) : settings.signing;
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  return [name, description, enabled, json(signing), json(eventId), toleranceMs, json(route)];
}

export function sourceFromRow(row: SourceRow): InboundSource {
  const signing = row.signing ?? undefined;
  const topics = signing !== undefined && 'topicArns' in signing ? signing : undefined;
  return {
    id: fromUuid('src', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    name: row.name,
    description: row.description,
    enabled: row.enabled,
    scheme: row.scheme,
    signing: signing !== undefined && 'topicArns' in signing ? undefined : signing,
    topicArns: topics?.topicArns ?? [],
    eventId: row.event_id,
    toleranceMs: row.tolerance_ms,
    route: row.route,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
