import { fromUuid, newId, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';

export interface Tenant {
  id: PublicId;
  name: string;
  /** IANA name, such as `Europe/Berlin`. */
  timeZone: string;
  createdAt: Date;
}

interface Row {
  id: string;
  name: string;
  time_zone: string;
  created_at: Date;
}

const COLUMNS = 'id, name, time_zone, created_at';

/** Stores a tenant. @returns it, or the one that already has its id */
export async function insertTenant(
  db: Queryable,
  tenant: { id: PublicId; name: string; timeZone: string },
): Promise<Tenant> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO tenants (id, name, time_zone) VALUES ($1, $2, $3)
           ON CONFLICT (id) DO NOTHING RETURNING ${COLUMNS}`,
    values: [toUuid(tenant.id), tenant.name, tenant.timeZone],
  });
  const stored = rows[0] === undefined ? await findTenant(db, tenant.id) : fromRow(rows[0]);
  if (stored === undefined) throw new Error('a tenant is neither stored nor there');
  return stored;
}

export async function findTenant(db: Queryable, id: PublicId): Promise<Tenant | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM tenants WHERE id = $1`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: tenants_pkey. */
export async function listTenants(db: Queryable, request: PageRequest): Promise<Page<Tenant>> {
  const query = { columns: COLUMNS, table: 'tenants', index: { key: 'id' } };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/**
 * The oldest tenant of this name, created if there is none. Callers must hold a lock, since names are not unique.
 */
export async function ensureTenantNamed(db: Queryable, name: string): Promise<PublicId> {
  const { rows } = await db.query<{ id: string }>({
    text: 'SELECT id FROM tenants WHERE name = $1 ORDER BY id LIMIT 1',
    values: [name],
  });
  const [row] = rows;
  return row === undefined
    ? (await insertTenant(db, { id: newId('ten'), name, timeZone: 'UTC' })).id
    : fromUuid('ten', row.id);
}

function fromRow(row: Row): Tenant {
  return { id: fromUuid('ten', row.id), name: row.name, timeZone: row.time_zone, createdAt: row.created_at };
}
