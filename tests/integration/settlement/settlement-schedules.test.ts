import { ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client';
import { type PublicId, toUuid } from '../../../core/ids';
import { addDays, businessDay, lastClosedDate } from '../../../domains/merchants/rules/business-day';
import { settlementDeps } from '../../../domains/settlement/deps';
import { keepSchedules } from '../../../domains/settlement/keep-schedules';
import { settlementLauncherId } from '../../../domains/settlement/rules/workflow-names';
import { findRun } from '../../../domains/settlement/store/settlement-runs';
import { watchSettlements } from '../../../domains/settlement/watchdog';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness } from '../../support/finance';
import { eventually } from '../../support/receiver';

const UTC = { timeZone: 'UTC', cutoff: '23:59' };

let api: TestApi;
/** On a database of its own: its businesses wait for the end of their day while the other tests look at all businesses. */
let zones: TestApi;
const made: string[] = [];
let shops: ZoneShop[];
/** When the days of the shops in several zones end. */
let end: Date;
beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
  zones = await createApi();
  await zones.pipeline.startWorker();
  // The next full minute, but not one that is about to begin.
  end = new Date(Math.ceil((Date.now() + 10_000) / 60_000) * 60_000);
  shops = await openInZones(end);
});
afterEach(async () => {
  // The next test's look at all businesses finds none of these.
  const { pool } = api.pipeline.database;
  for (const tenantId of made.splice(0)) {
    await scheduleOf(tenantId)
      .delete()
      .catch((error: unknown) => {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
      });
    await pool.query("UPDATE businesses SET first_date = '9000-01-01' WHERE tenant_id = $1", [toUuid(tenantId)]);
  }
});
afterAll(async () => {
  for (const { tenantId } of shops) await scheduleOf(tenantId).delete();
  await zones.close();
  await api.close();
});

const scheduleOf = (tenantId: string) =>
  api.pipeline.client.schedule.getHandle(settlementLauncherId(tenantId as PublicId));
const keep = (now?: Date) => keepSchedules(settlementDeps(api.pipeline.platform), now);
const patch = (key: string, body: object) => api.call('PATCH', '/v1/business', { key, body });

async function newTenant() {
  const tenant = await api.newTenant();
  made.push(tenant.tenantId);
  return { ...tenant, tenantId: tenant.tenantId as PublicId };
}

/** When its Schedule fires next. */
async function nextOf(tenantId: string): Promise<string | undefined> {
  return (await scheduleOf(tenantId).describe()).info.nextActionTimes[0]?.toISOString();
}

/** When a business's day ends. */
const endOf = (rule = UTC) => businessDay(addDays(lastClosedDate(new Date(), rule), 1), rule).end.toISOString();

/** The list of Schedules lags a little behind. */
const settles = (look: () => Promise<{ scheduled: PublicId[] }>, tenantId: PublicId) =>
  eventually(async () => ((await look()).scheduled.includes(tenantId) ? undefined : true));

const completed = (tenantId: PublicId, date: string) =>
  eventually(
    async () => {
      const run = await findRun(api.pipeline.database.pool, tenantId, date);
      return run?.state === 'completed' ? run : undefined;
    },
    30_000,
    () => `${date} is not settled`,
  );

test('what Temporal did not take from a change is given to it later', async () => {
  const { tenantId, key } = await newTenant();
  await patch(key, UTC);
  expect(await nextOf(tenantId)).toBe(endOf());
  const { schedule } = api.deps.client;
  const away = () => Promise.reject(new Error('away'));
  const create = jest.spyOn(schedule, 'create').mockImplementation(away);
  const changed = await patch(key, { timeZone: 'Asia/Riyadh' });
  create.mockRestore();
  expect([changed.status, changed.body.timeZone]).toEqual([200, 'Asia/Riyadh']);
  expect(await nextOf(tenantId)).toBe(endOf());
  await eventually(async () => ((await keep()).scheduled.includes(tenantId) ? true : undefined));
  expect(await nextOf(tenantId)).toBe(endOf({ ...UTC, timeZone: 'Asia/Riyadh' }));
  await settles(keep, tenantId);
});

test('a Schedule that is missing is made, and one of an earlier version or that somebody changed is put right', async () => {
  const { tenantId } = await newTenant();
  const { pool } = api.pipeline.database;
  await insertBusiness(pool, tenantId, { ...UTC, firstDate: addDays(lastClosedDate(new Date(), UTC), 1) });
  expect((await keep()).scheduled).toContain(tenantId);
  await settles(keep, tenantId);
  await scheduleOf(tenantId).update((previous) => ({
    ...previous,
    spec: { calendars: [{ hour: 1, minute: 2 }], timezone: 'Africa/Cairo' },
  }));
  await eventually(async () => ((await keep()).scheduled.includes(tenantId) ? true : undefined));
  const { spec } = await scheduleOf(tenantId).describe();
  expect([spec.timezone, await nextOf(tenantId)]).toEqual(['UTC', endOf()]);
  // Its moments run out in a month.
  await settles(keep, tenantId);
  const later = new Date(Date.now() + 31 * 86_400_000);
  expect((await keep(later)).scheduled).toContain(tenantId);
});

test('a business that cannot be served keeps no other from having its Schedule, nor from being watched', async () => {
  const { pool } = api.pipeline.database;
  const [one, two] = [await newTenant(), await newTenant()];
  for (const { tenantId } of [one, two]) await insertBusiness(pool, tenantId, UTC);
  const last = lastClosedDate(new Date(), UTC);
  await pool.query('UPDATE businesses SET first_date = $1::date', [last]);
  await pool.query("UPDATE businesses SET time_zone = 'US/Pacific-New' WHERE tenant_id = $1", [toUuid(one.tenantId)]);
  // Right after midnight the day is not overdue yet.
  const anHourLater = new Date(businessDay(last, UTC).end.getTime() + 3_600_000);
  expect(await watchSettlements(settlementDeps(api.pipeline.platform), anHourLater)).toBeGreaterThan(0);
  const told = await pool.query('SELECT FROM messages WHERE tenant_id = $1', [toUuid(two.tenantId)]);
  expect(told.rows).toHaveLength(1);
  const done = await keep();
  expect([done.scheduled.includes(two.tenantId), done.started.includes(two.tenantId)]).toEqual([true, true]);
  await completed(two.tenantId, last);
});

test('a day whose Schedule did not fire is settled all the same, unless somebody has paused it', async () => {
  const { pool } = api.pipeline.database;
  const [tea, paused] = [await newTenant(), await newTenant()];
  const last = lastClosedDate(new Date(), UTC);
  const tomorrow = addDays(last, 1);
  for (const { tenantId } of [tea, paused]) await insertBusiness(pool, tenantId, { ...UTC, firstDate: tomorrow });
  await keep();
  await scheduleOf(paused.tenantId).pause('while we look into it');
  await eventually(async () => {
    for await (const { scheduleId, state } of api.pipeline.client.schedule.list()) {
      if (scheduleId === settlementLauncherId(paused.tenantId) && state.paused) return true;
    }
    return undefined;
  });
  await pool.query('UPDATE businesses SET first_date = $1::date WHERE tenant_id = ANY ($2::uuid[])', [
    last,
    [tea, paused].map(({ tenantId }) => toUuid(tenantId)),
  ]);
  expect((await keep()).started).toEqual([tea.tenantId]);
  await completed(tea.tenantId, last);
  expect((await keep()).started).toEqual([]);
  const { state } = await scheduleOf(paused.tenantId).describe();
  expect(state).toMatchObject({ paused: true, note: 'while we look into it' });
  // A change of the business leaves it paused, and its days alone, too.
  expect((await patch(paused.key, { cutoff: '23:58' })).status).toBe(200);
  expect((await scheduleOf(paused.tenantId).describe()).state).toMatchObject({
    paused: true,
    note: 'while we look into it',
  });
  const launched = api.pipeline.client.workflow.getHandle(settlementLauncherId(paused.tenantId, last)).describe();
  await expect(launched).rejects.toThrow(WorkflowNotFoundError);
});

/** A zone where it is between noon and one o'clock: its day has begun, and does not end soon. */
function zoneAtNoon(): string {
  const ahead = 12 - new Date().getUTCHours();
  return ahead === 0 ? 'Etc/GMT' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
}

test('a cut-off that is moved to earlier than now has the day settled at once', async () => {
  const { tenantId, key } = await newTenant();
  const rule = { timeZone: zoneAtNoon(), cutoff: '03:00' };
  await patch(key, { ...rule, cutoff: '23:59', grace: '0s' });
  const { body } = await patch(key, { cutoff: rule.cutoff });
  const run = await completed(tenantId, body.firstDate);
  expect(run.periodEnd).toEqual(businessDay(body.firstDate, rule).end);
  expect(lastClosedDate(new Date(), rule)).toBe(body.firstDate);
});

test.each([
  ['a cut-off that was moved', [{ cutoff: '23:59' }, { cutoff: '03:00' }]],
  ['a past first day', [{ firstDate: addDays(lastClosedDate(new Date(), UTC), -2) }]],
])('%s is not overdue before there was time to settle what it has made due', async (_, changes) => {
  const { tenantId, key } = await newTenant();
  const deps = settlementDeps(api.pipeline.platform);
  const start = jest.spyOn(api.deps.client.workflow, 'start').mockRejectedValue(new Error('away'));
  const timeZone = zoneAtNoon();
  for (const change of changes) await patch(key, { timeZone, grace: '0s', ...change });
  start.mockRestore();
  const told = async (now: number) => {
    await watchSettlements(deps, new Date(now));
    const { rows } = await deps.pool.query(
      "SELECT FROM messages WHERE tenant_id = $1 AND event_type = 'settlement.overdue'",
      [toUuid(tenantId)],
    );
    return rows.length;
  };
  expect(await told(Date.now() + 14 * 60_000)).toBe(0);
  expect(await told(Date.now() + 16 * 60_000)).toBe(1);
});

test('a past first day has every day since settled at once', async () => {
  const { tenantId, key } = await newTenant();
  const last = lastClosedDate(new Date(), UTC);
  await patch(key, { ...UTC, grace: '0s', firstDate: addDays(last, -2) });
  const run = await completed(tenantId, last);
  expect(run.trigger).toBe('schedule');
  expect((await findRun(api.pipeline.database.pool, tenantId, addDays(last, -2)))?.trigger).toBe('missed');
});

test('a Temporal that does not answer holds a trigger up for ten seconds, not for ever', async () => {
  const { tenantId, key } = await newTenant();
  const last = lastClosedDate(new Date(), UTC);
  await insertBusiness(api.pipeline.database.pool, tenantId, { ...UTC, firstDate: last });
  const trigger = () => api.call('POST', `/api/v2/finance/settlement/trigger/${last}`, { key });
  const start = jest.spyOn(api.deps.client.workflow, 'start').mockImplementation(() => new Promise(() => undefined));
  expect((await trigger()).status).toBe(503);
  start.mockRestore();
  expect((await trigger()).status).toBe(202);
  await completed(tenantId, last);
});

test('businesses in several zones are settled by their Schedules within a minute of the end of their day', async () => {
  for (const { next } of shops) expect(next).toBe(end.toISOString());
  for (const { tenantId, date } of shops) {
    const run = await eventually(async () => {
      const found = await findRun(zones.pipeline.database.pool, tenantId, date);
      return found?.state === 'completed' ? found : undefined;
    }, 130_000);
    expect(run.periodEnd).toEqual(end);
    expect((run.finishedAt?.getTime() ?? 0) - end.getTime()).toBeLessThan(60_000);
  }
}, 150_000);

interface ZoneShop {
  tenantId: PublicId;
  /** The day that ends next. */
  date: string;
  /** When its Schedule fires next. */
  next: string | undefined;
}

/** Makes a business in each of several zones, whose day ends at one moment. */
async function openInZones(dayEnds: Date): Promise<ZoneShop[]> {
  const opened: ZoneShop[] = [];
  for (const [timeZone, ahead] of [
    ['Asia/Kathmandu', 345],
    ['America/Phoenix', -420],
    ['Pacific/Kiritimati', 840],
  ] as const) {
    const tenant = await zones.newTenant();
    const [date = '', time = ''] = new Date(dayEnds.getTime() + ahead * 60_000).toISOString().split('T');
    const body = { timeZone, cutoff: time.slice(0, 5), grace: '0s', firstDate: date };
    await zones.call('PATCH', '/v1/business', { key: tenant.key, body });
    opened.push({ tenantId: tenant.tenantId as PublicId, date, next: await nextOf(tenant.tenantId) });
  }
  return opened;
}
