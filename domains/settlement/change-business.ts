import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import { timeZoneName } from '../../core/time-zone';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { inTime } from '../../infra/temporal/in-time';
import { findTenant } from '../accounts';
import { appendAudit } from '../audit';
import { addDays, type Business, businessDateAt, findBusiness, putBusiness } from '../merchants';
import type { SettlementDeps } from './deps';
import { SettlementRefusal } from './refusals';
import { ensureSettlementSchedule } from './settlement-schedule';

const DEFAULTS = { cutoff: '23:59', graceMs: 120_000, refundFeePolicy: 'keep' } as const;

/** Days are settled one by one from the first, which cannot be changed: a typo would stay for ever. */
const MAX_DAYS_AWAY = 366;

/** The fields to change; the rest stay, or get their defaults. */
export type BusinessChange = { [Key in keyof Omit<Business, 'tenantId'>]?: Business[Key] | undefined };

/**
 * Makes a tenant a business, or changes it, and updates the Schedule that settles its days. What changes is in the audit
 * log.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @returns the business as it is now
 * @throws SettlementRefusal when the first day is not allowed
 */
export async function changeBusiness(
  deps: Pick<SettlementDeps, 'pool' | 'client'> & { config: { WAYBILL_TASK_QUEUE: string } },
  by: { tenantId: PublicId; keyId: PublicId },
  change: BusinessChange,
): Promise<Business> {
  const { pool } = deps;
  const { tenantId } = by;
  const known = await findBusiness(pool, tenantId);
  const timeZone = change.timeZone ?? known?.timeZone ?? (await zoneOfTenant(pool, tenantId));
  const cutoff = change.cutoff ?? known?.cutoff ?? DEFAULTS.cutoff;
  const today = businessDateAt(new Date(), { timeZone, cutoff });
  const business = await putAudited(pool, by.keyId, known, {
    tenantId,
    timeZone,
    cutoff,
    graceMs: change.graceMs ?? known?.graceMs ?? DEFAULTS.graceMs,
    refundFeePolicy: change.refundFeePolicy ?? known?.refundFeePolicy ?? DEFAULTS.refundFeePolicy,
    firstDate: firstDateOf(change.firstDate, known, today),
  });
  await inTime(ensureSettlementSchedule(deps, business));
  return business;
}

async function putAudited(
  pool: Pool,
  keyId: PublicId,
  known: Business | undefined,
  wanted: Business,
): Promise<Business> {
  return inTransaction(pool, async (db) => {
    const business = await putBusiness(db, wanted);
    const { tenantId, ...now } = business;
    const before = new Map(Object.entries(known ?? {}));
    const changed = Object.entries(now).filter(([name, value]) => before.get(name) !== value);
    if (changed.length === 0) return business;
    const from = known && Object.fromEntries(changed.map(([name]) => [name, before.get(name)]));
    const payload = { from: from ?? null, to: Object.fromEntries(changed) };
    await appendAudit(db, tenantId, { actor: keyId, action: 'business.changed', subject: tenantId, payload });
    return business;
  });
}

async function zoneOfTenant(db: Queryable, tenantId: PublicId): Promise<string> {
  return timeZoneName((await findTenant(db, tenantId))?.timeZone ?? '') ?? 'UTC';
}

function firstDateOf(wanted: string | undefined, known: Business | undefined, today: string): string {
  const field = ['firstDate'];
  if (known !== undefined) {
    if (wanted === undefined || wanted === known.firstDate) return known.firstDate;
    throw new SettlementRefusal('first-day-is-set', `is ${known.firstDate} and cannot be changed`, { field });
  }
  if (wanted === undefined) return today;
  if (wanted < addDays(today, -MAX_DAYS_AWAY) || wanted > addDays(today, MAX_DAYS_AWAY)) {
    throw new SettlementRefusal('first-day-is-remote', `lies more than ${MAX_DAYS_AWAY} days away`, { field });
  }
  return wanted;
}
