import { type ExpectedVersion, isExpected, outdatedDetail } from '../../core/expected-version';
import type { PublicId } from '../../core/ids';
import { timeZoneName } from '../../core/time-zone';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { inTime } from '../../infra/temporal/in-time';
import { findTenant } from '../accounts';
import { appendAudit } from '../audit';
import {
  addDays,
  type Business,
  type BusinessTerms,
  businessDateAt,
  findBusiness,
  insertBusiness,
  lockBusiness,
  updateBusiness,
} from '../merchants';
import type { SettlementDeps } from './deps';
import { nextDayOf } from './due-days';
import { settleIfDue } from './keep-schedules';
import { SettlementRefusal } from './refusals';
import { ensureSettlementSchedule } from './settlement-schedule';
import type { Starter } from './start';

const DEFAULTS = { cutoff: '23:59', graceMs: 120_000, refundFeePolicy: 'keep' } as const;

/** Days are settled one by one from the first, which cannot be changed: a typo would stay for ever. */
const MAX_DAYS_AWAY = 366;

/** The fields to change; the rest stay, or get their defaults. */
export type BusinessChange = { [Key in keyof Omit<BusinessTerms, 'tenantId'>]?: BusinessTerms[Key] | undefined };

type Deps = Pick<SettlementDeps, 'pool' | 'log'> & Starter;

/**
 * Makes a tenant a business, or changes it, updates the Schedule that settles its days, and has those settled that are
 * over by what it says now. It is changed once that is stored: what Temporal does not take now, it is given by
 * `keepSchedules` within a minute.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @param expected - the version that the caller takes it to have; `undefined` changes whatever there is
 * @returns the business as it is now
 * @throws SettlementRefusal when the first day is not allowed, its time zone is none, or it is not the version expected
 */
export async function changeBusiness(
  deps: Deps,
  by: Author,
  change: BusinessChange,
  expected?: ExpectedVersion,
): Promise<Business> {
  const { pool, log } = deps;
  const business = await inTransaction(pool, (db) => store(db, by, change, expected));
  await follow(deps, business).catch((error: unknown) => {
    log.warn({ err: error, tenantId: by.tenantId }, "a business's Schedule does not follow its change yet");
  });
  return business;
}

/** Whose request it is. */
interface Author {
  tenantId: PublicId;
  keyId: PublicId;
}

async function store(
  db: Queryable,
  { tenantId, keyId }: Author,
  change: BusinessChange,
  expected: ExpectedVersion | undefined,
): Promise<Business> {
  for (;;) {
    const known = await lockBusiness(db, tenantId);
    if (!isExpected(expected, known?.version)) {
      const version = known?.version;
      throw new SettlementRefusal('changed-meanwhile', outdatedDetail('The business', version), { version });
    }
    const terms = await termsOf(db, tenantId, { change, known });
    const stored = known === undefined ? await insertBusiness(db, terms) : await updateBusiness(db, terms);
    // Otherwise another request has made it since it was looked for.
    if (stored === undefined) continue;
    await noteChange(db, keyId, { known, stored });
    return stored;
  }
}

/** What has changed goes into the audit log, with what was before. */
async function noteChange(
  db: Queryable,
  keyId: PublicId,
  { known, stored }: { known: Business | undefined; stored: Business },
): Promise<void> {
  const before = new Map<string, unknown>(Object.entries(audited(known)));
  const changed = Object.entries(audited(stored)).filter(([name, value]) => before.get(name) !== value);
  if (changed.length === 0) return;
  const from = known && Object.fromEntries(changed.map(([name]) => [name, before.get(name)]));
  const payload = { from: from ?? null, to: Object.fromEntries(changed) };
  const { tenantId } = stored;
  await appendAudit(db, tenantId, { actor: keyId, action: 'business.changed', subject: tenantId, payload });
}

/** The terms of a business, as the audit log names them. */
function audited(business: Business | undefined): Partial<Business> {
  if (business === undefined) return {};
  const { timeZone, cutoff, graceMs, refundFeePolicy, firstDate } = business;
  return { timeZone, cutoff, graceMs, refundFeePolicy, firstDate };
}

async function termsOf(
  db: Queryable,
  tenantId: PublicId,
  { change, known }: { change: BusinessChange; known: Business | undefined },
): Promise<BusinessTerms> {
  const timeZone = change.timeZone ?? known?.timeZone ?? (await zoneOfTenant(db, tenantId));
  if (timeZoneName(timeZone) !== timeZone) {
    const detail = `is ${timeZone}, which is not in the IANA database (any more): give another one`;
    throw new SettlementRefusal('unknown-zone', detail, { field: ['timeZone'] });
  }
  const cutoff = change.cutoff ?? known?.cutoff ?? DEFAULTS.cutoff;
  const today = businessDateAt(new Date(), { timeZone, cutoff });
  return {
    tenantId,
    timeZone,
    cutoff,
    graceMs: change.graceMs ?? known?.graceMs ?? DEFAULTS.graceMs,
    refundFeePolicy: change.refundFeePolicy ?? known?.refundFeePolicy ?? DEFAULTS.refundFeePolicy,
    firstDate: firstDateOf(change.firstDate, known, today),
  };
}

/** Tells Temporal; again while others change the business, since theirs may arrive before this. */
async function follow(deps: Deps, changed: Business): Promise<void> {
  const { pool } = deps;
  for (let business = changed; ; ) {
    const fires = await inTime(ensureSettlementSchedule(deps, business));
    if (fires) await settleIfDue(deps, await nextDayOf(pool, business), new Date());
    const now = await findBusiness(pool, business.tenantId);
    if (now === undefined || now.version === business.version) return;
    business = now;
  }
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
