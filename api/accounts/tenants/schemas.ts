import { z } from 'zod';
import type { Tenant } from '../../../domains/accounts';
import { idSchema, moment, momentText, nonEmptyText, pageQuery, pageSchema, timeZoneSchema } from '../../http/schemas';

export const newTenantSchema = z
  .strictObject({
    name: nonEmptyText(200).meta({ example: 'Berlin shop' }),
    timeZone: timeZoneSchema.prefault('UTC'),
  })
  .meta({ id: 'NewTenant' });

export const tenantSchema = z
  .object({ id: idSchema('ten'), name: z.string(), timeZone: z.string(), createdAt: momentText })
  .meta({ id: 'Tenant' });

export const tenantPageSchema = pageSchema('TenantPage', tenantSchema);
export const tenantParams = z.object({ id: idSchema('ten') });
export const tenantQuery = z.strictObject(pageQuery);

/** A tenant as answers show it. */
export function tenantView(tenant: Tenant): z.input<typeof tenantSchema> {
  return { id: tenant.id, name: tenant.name, timeZone: tenant.timeZone, createdAt: moment(tenant.createdAt) };
}
