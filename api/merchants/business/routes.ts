import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { timeZoneName } from '../../../core/time-zone';
import { findTenant } from '../../../domains/accounts';
import { addDays, businessDateAt, findBusiness, putBusiness } from '../../../domains/merchants';
import { ensureSettlementSchedule } from '../../../domains/settlement';
import { inTime } from '../../../infra/temporal/in-time';
import type { DoorContext } from '../../http/door';
import { invalidField, Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { businessChangeSchema, businessSchema, businessView } from './schemas';

const TAG = 'Business';
const DEFAULTS = { cutoff: '23:59', graceMs: 120_000, refundFeePolicy: 'keep' as const };

export function businessRoutes({ pool, client, config }: Pick<DoorContext, 'pool' | 'client' | 'config'>): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/business',
      operationId: 'getBusiness',
      tag: TAG,
      summary: 'Where the business day ends, and how fees are treated',
      scope: 'finance:read',
      responses: { 200: { description: 'The business.', body: businessSchema } },
      problems: ['not-found'],
      handler: async (_input, { tenantId }) => {
        const business = await findBusiness(pool, tenantId);
        if (business === undefined) throw new Problem('not-found');
        return { status: 200, body: businessView(business) };
      },
    }),
    route({
      method: 'patch',
      path: '/v1/business',
      operationId: 'changeBusiness',
      tag: TAG,
      summary: 'Make the tenant a business, or change it',
      description:
        'From then on every business day is settled at its cut-off, in the given time zone. A change of zone or cut-off ' +
        'counts for days that have no settlement yet; the first of them begins where the last one ended.',
      scope: 'finance:write',
      body: businessChangeSchema,
      responses: { 200: { description: 'The business as it is now.', body: businessSchema } },
      handler: async ({ body }, { tenantId }) => {
        const known = await findBusiness(pool, tenantId);
        if (known !== undefined && body.firstDate !== undefined && body.firstDate !== known.firstDate) {
          throw invalidField('body', '#/firstDate', `is ${known.firstDate} and cannot be changed`);
        }
        const timeZone = body.timeZone ?? known?.timeZone ?? (await zoneOfTenant(pool, tenantId));
        const cutoff = body.cutoff ?? known?.cutoff ?? DEFAULTS.cutoff;
        const today = businessDateAt(new Date(), { timeZone, cutoff });
        if (known === undefined && body.firstDate !== undefined) refuseRemote(body.firstDate, today);
        const business = await putBusiness(pool, {
          tenantId,
          timeZone,
          cutoff,
          graceMs: body.grace ?? known?.graceMs ?? DEFAULTS.graceMs,
          refundFeePolicy: body.refundFeePolicy ?? known?.refundFeePolicy ?? DEFAULTS.refundFeePolicy,
          firstDate: known?.firstDate ?? body.firstDate ?? today,
        });
        await inTime(ensureSettlementSchedule({ client, config }, business));
        return { status: 200, body: businessView(business) };
      },
    }),
  ];
}

async function zoneOfTenant(pool: Pool, tenantId: PublicId): Promise<string> {
  return timeZoneName((await findTenant(pool, tenantId))?.timeZone ?? '') ?? 'UTC';
}

/** Days are settled one by one from the first on, and it cannot be changed: a slip of the pen would stay for ever. */
const MAX_DAYS_AWAY = 366;

function refuseRemote(firstDate: string, today: string): void {
  if (firstDate >= addDays(today, -MAX_DAYS_AWAY) && firstDate <= addDays(today, MAX_DAYS_AWAY)) return;
  throw invalidField('body', '#/firstDate', `lies more than ${MAX_DAYS_AWAY} days away`);
}
