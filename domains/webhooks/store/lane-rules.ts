import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Lane, LaneRules } from '../rules/lane';

/** A tenant's rules and how many endpoints it has: all that publishing has to know of it. */
export interface TenantFacts {
  endpoints: number;
  rules: LaneRules;
}

interface Row {
  endpoints: number;
  time_zone: string | null;
  weekdays: number[] | null;
  event_types: Record<string, Lane> | null;
}

/**
 * Reads what publishing has to know of tenants, in one statement. Disabled endpoints count too: no message makes more
 * deliveries. Indexes: endpoints_by_tenant, event_types_with_priority.
 *
 * @param most - endpoints are counted up to this
 * @returns one result per tenant, in the same order
 */
export async function readTenantFacts(
  db: Queryable,
  tenantIds: readonly PublicId[],
  most: number,
): Promise<TenantFacts[]> {
  const { rows } = await db.query<Row>({
    name: 'read-tenant-facts',
    text: `SELECT (SELECT count(*)::int FROM (SELECT 1 FROM endpoints e
                                              WHERE e.tenant_id = t.id AND e.deleted_at IS NULL LIMIT $2) AS few) AS endpoints,
                  (SELECT n.time_zone FROM tenants n WHERE n.id = t.id) AS time_zone,
                  (SELECT r.weekdays FROM priority_rules r WHERE r.tenant_id = t.id) AS weekdays,
                  (SELECT json_object_agg(y.name, y.priority) FROM event_types y
                   WHERE y.tenant_id = t.id AND y.priority IS NOT NULL) AS event_types
           FROM unnest($1::uuid[]) WITH ORDINALITY AS t(id, n) ORDER BY t.n`,
    values: [tenantIds.map(toUuid), most],
  });
  return rows.map((row) => ({
    endpoints: row.endpoints,
    rules: { timeZone: row.time_zone ?? 'UTC', weekdays: row.weekdays ?? [], eventTypes: row.event_types ?? {} },
  }));
}

/** A tenant's days that matter, as they are stored. */
export interface PriorityRules {
  /** 1 for Monday to 7 for Sunday. */
  weekdays: number[];
  /** Grows with every change; 1 while a tenant has laid down nothing. */
  revision: number;
}

const NONE: PriorityRules = { weekdays: [], revision: 1 };

/** Those of a tenant that has laid down nothing are empty. */
export async function findPriorityRules(db: Queryable, tenantId: PublicId): Promise<PriorityRules> {
  const { rows } = await db.query<PriorityRules>({
    text: 'SELECT weekdays, revision FROM priority_rules WHERE tenant_id = $1',
    values: [toUuid(tenantId)],
  });
  return rows[0] ?? NONE;
}

/**
 * Lays down which days matter to a tenant, instead of those before.
 *
 * @param expected - only if the rules have one of these revisions
 * @returns undefined when they have not
 */
export async function storePriorityRules(
  db: Queryable,
  { tenantId, expected }: { tenantId: PublicId; expected: ExpectedVersion | undefined },
  weekdays: readonly number[],
): Promise<PriorityRules | undefined> {
  const { rows } = await db.query<PriorityRules>({
    // The first change inserts a row if revision 1 was expected. Where there is one already it is compared instead.
    text: `INSERT INTO priority_rules AS r (tenant_id, weekdays)
           SELECT $1, $2 WHERE $3::bigint[] IS NULL OR ${NONE.revision} = ANY ($3)
                            OR EXISTS (SELECT FROM priority_rules WHERE tenant_id = $1)
           ON CONFLICT (tenant_id) DO UPDATE
             SET weekdays = excluded.weekdays, revision = r.revision + 1, updated_at = now()
             WHERE $3::bigint[] IS NULL OR r.revision = ANY ($3)
           RETURNING weekdays, revision`,
    values: [toUuid(tenantId), [...new Set(weekdays)].sort((a, b) => a - b), versionsToMatch(expected)],
  });
  return rows[0];
}
