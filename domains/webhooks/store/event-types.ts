import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';

import type { Lane } from '../rules/lane';

/** An entry of a tenant's catalogue of events. */
export interface EventType {
  name: string;
  description: string;
  archived: boolean;
  /** The lane of its deliveries; undefined where their endpoints' tiers decide. */
  priority: Lane | undefined;
  /** Grows with every change. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

interface Row {
  name: string;
  description: string;
  archived: boolean;
  priority: Lane | null;
  revision: number;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = 'name, description, archived, priority, revision, created_at, updated_at';

/** @returns `undefined` when the tenant already has an event type of this name */
export async function insertEventType(
  db: Queryable,
  tenantId: PublicId,
  eventType: { name: string; description: string; priority?: Lane | null },
): Promise<EventType | undefined> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO event_types (tenant_id, name, description, priority) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    values: [toUuid(tenantId), eventType.name, eventType.description, eventType.priority ?? null],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

export async function findEventType(db: Queryable, tenantId: PublicId, name: string): Promise<EventType | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM event_types WHERE tenant_id = $1 AND name = $2`,
    values: [toUuid(tenantId), name],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: event_types_pkey (tenant_id, name). */
export async function listEventTypes(
  db: Queryable,
  tenantId: PublicId,
  filter: { archived: boolean | undefined },
  request: PageRequest,
): Promise<Page<EventType>> {
  const query = {
    columns: COLUMNS,
    table: 'event_types',
    index: { prefix: ['tenant_id', toUuid(tenantId)], key: 'name' } as const,
    filter: filter.archived === undefined ? [] : ([['archived = ?', filter.archived]] as const),
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** Which event type is meant, and which revisions it may have. */
export interface EventTypePlace {
  tenantId: PublicId;
  name: string;
  expected?: ExpectedVersion | undefined;
}

/** The fields to change. */
export interface EventTypeChange {
  description?: string | undefined;
  archived?: boolean | undefined;
  /** Null for none. */
  priority?: Lane | null | undefined;
}

/**
 * Changes the given fields; one that is as it was is not updated.
 *
 * @returns `undefined` when there is no such event type, or none of an expected revision
 */
export async function updateEventType(
  db: Queryable,
  { tenantId, name, expected }: EventTypePlace,
  change: EventTypeChange,
): Promise<EventType | undefined> {
  const priority = 'CASE WHEN $6 THEN $7 ELSE priority END';
  const differs = `(description, archived, priority)
                   IS DISTINCT FROM (coalesce($3, description), coalesce($4, archived), ${priority})`;
  const { rows } = await db.query<Row>({
    text: `UPDATE event_types SET description = coalesce($3, description), archived = coalesce($4, archived),
                  priority = ${priority},
                  updated_at = CASE WHEN ${differs} THEN now() ELSE updated_at END,
                  revision = CASE WHEN ${differs} THEN revision + 1 ELSE revision END
           WHERE tenant_id = $1 AND name = $2 AND ($5::bigint[] IS NULL OR revision = ANY ($5)) RETURNING ${COLUMNS}`,
    values: [
      toUuid(tenantId),
      name,
      change.description,
      change.archived,
      versionsToMatch(expected),
      change.priority !== undefined,
      change.priority ?? null,
    ],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** @returns false when there is no such event type, or none of an expected revision */
export async function removeEventType(db: Queryable, { tenantId, name, expected }: EventTypePlace): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `DELETE FROM event_types
           WHERE tenant_id = $1 AND name = $2 AND ($3::bigint[] IS NULL OR revision = ANY ($3))`,
    values: [toUuid(tenantId), name, versionsToMatch(expected)],
  });
  return rowCount === 1;
}

function fromRow(row: Row): EventType {
  return {
    name: row.name,
    description: row.description,
    archived: row.archived,
    priority: row.priority ?? undefined,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
