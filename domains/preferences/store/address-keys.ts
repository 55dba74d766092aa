import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** The place that a tenant's key of addresses is sealed for. */
export function addressKeyPlace(tenantId: PublicId): string {
  return `address_keys/${tenantId}`;
}

/** The tenant's key, sealed; the proposed one, if it has none yet. */
export async function keepAddressKey(db: Queryable, tenantId: PublicId, proposed: Buffer): Promise<Buffer> {
  await db.query({
    text: 'INSERT INTO address_keys (tenant_id, key_sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    values: [toUuid(tenantId), proposed],
  });
  const sealed = await findAddressKey(db, tenantId);
  if (sealed === undefined) throw new Error(`the address key of ${tenantId} was not stored`);
  return sealed;
}

export async function findAddressKey(db: Queryable, tenantId: PublicId): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ key_sealed: Buffer }>({
    text: 'SELECT key_sealed FROM address_keys WHERE tenant_id = $1',
    values: [toUuid(tenantId)],
  });
  return rows[0]?.key_sealed;
}
