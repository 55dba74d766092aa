import { z } from 'zod';
import type { Tenant } from '../../store/tenants';
import { idSchema, moment, momentText, nonEmptyText, pageQuery, pageSchema } from '../schemas';

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const newTenantSchema = z
  .strictObject({
    name: nonEmptyText(200).meta({ example: 'Berlin shop' }),
    timeZone: z
      .string()
      .max(64)
      .refine(isTimeZone, 'expected an IANA time zone such as Europe/Berlin')
      .default('UTC')
      .meta({ example: 'Europe/Berlin' }),
  })
  .meta({ id: 'NewTenant' });

export const tenantSchema = z
  .object({ id: idSchema('tenant'), name: z.string(), timeZone: z.string(), createdAt: momentText })
  .meta({ id: 'Tenant' });

export const tenantPageSchema = pageSchema('TenantPage', tenantSchema);
export const tenantParams = z.object({ id: idSchema('tenant') });
export const tenantQuery = z.strictObject(pageQuery);

/** A tenant as answers show it. */
export function tenantView(tenant: Tenant): z.input<typeof tenantSchema> {
  return { id: tenant.id, name: tenant.name, timeZone: tenant.timeZone, createdAt: moment(tenant.createdAt) };
}
