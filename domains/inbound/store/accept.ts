import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** A verified event about to be stored. */
export interface NewEvent {
  id: PublicId;
  tenantId: PublicId;
  sourceId: PublicId;
  /** The revision of the source that it was verified against. */
  revision: number;
  /** Who sent it, as refusals are counted. */
  address: string;
  externalId: string | undefined;
  key: Buffer;
  workflowId: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  createdAt: Date;
}

/**
 * `repeated`: the source has sent it before. `blocked`: its address is blocked at the source. `outdated`: the source is no
 * longer what the event was verified against.
 */
export type Acceptance = 'stored' | 'repeated' | 'blocked' | 'outdated';

// A source that is disabled or deleted has another revision. Counted, since for EXISTS Postgres may read all sources, or all refusals, into a hash table.
const STORE_EVENTS = `
WITH input AS MATERIALIZED (
  SELECT i.n, i.id, i.tenant, i.source, decode(i.key, 'hex') AS key, i.external, i.workflow, i.headers,
         decode(i.body, 'base64') AS body, i.size, i.created,
         (SELECT count(*) FROM inbound_sources s WHERE s.id = i.source AND s.revision = i.revision) = 1 AS current,
         (SELECT count(*) FROM inbound_refusals r
          WHERE r.source_id = i.source AND r.address = i.address AND r.blocked_until > now()) = 1 AS blocked
  FROM json_to_recordset($1::json) AS i(
    n int, id uuid, tenant uuid, source uuid, revision int, address text, key text, external text, workflow text,
    headers jsonb, body text, size int, created timestamptz)
), made AS (
  INSERT INTO inbound_events (id, tenant_id, source_id, key, external_id, workflow_id, headers, body, body_size, created_at)
  SELECT id, tenant, source, key, external, workflow, headers, body, size, created
  FROM input WHERE current AND NOT blocked ORDER BY source, key
  ON CONFLICT (source_id, key) DO NOTHING
  RETURNING id
)
SELECT n, current, blocked, id IN (SELECT id FROM made) AS stored FROM input`;

/** Stores a batch of events in one statement. @returns what became of each, in their order */
export async function storeEvents(db: Queryable, events: readonly NewEvent[]): Promise<Acceptance[]> {
  const input = events.map((event, n) => ({
    n,
    id: toUuid(event.id),
    tenant: toUuid(event.tenantId),
    source: toUuid(event.sourceId),
    revision: event.revision,
    address: event.address,
    key: event.key.toString('hex'),
    external: event.externalId,
    workflow: event.workflowId,
    headers: event.headers,
    body: event.body.toString('base64'),
    size: event.body.length,
    created: event.createdAt,
  }));
  const { rows } = await db.query<[n: number, current: boolean, blocked: boolean, stored: boolean]>({
    name: 'store-inbound-events',
    text: STORE_EVENTS,
    values: [JSON.stringify(input)],
    rowMode: 'array',
  });
  const results: Acceptance[] = new Array(events.length).fill('repeated');
  for (const [n, current, blocked, stored] of rows) {
    results[n] = !current ? 'outdated' : blocked ? 'blocked' : stored ? 'stored' : 'repeated';
  }
  return results;
}

/** The event that a source has sent with this key. Index: inbound_events_key. */
export async function findByKey(db: Queryable, sourceId: PublicId, key: Buffer): Promise<PublicId | undefined> {
  const { rows } = await db.query<{ id: string }>({
    name: 'find-inbound-event-by-key',
    text: 'SELECT id FROM inbound_events WHERE source_id = $1 AND key = $2',
    values: [toUuid(sourceId), key],
  });
  return rows[0] === undefined ? undefined : fromUuid('inb', rows[0].id);
}
