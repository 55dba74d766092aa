import type { ScheduleSpec } from '@temporalio/client';
import { type PublicId, toUuid } from '../../../core/ids';
import { addDays } from '../../../domains/merchants/rules/business-day';
import type { FeeSchedule } from '../../../domains/merchants/store/fee-schedules';
import { settlementDeps } from '../../../domains/settlement/deps';
import { settlementLauncherId } from '../../../domains/settlement/rules/workflow-names';
import { ensureSettlementSchedule } from '../../../domains/settlement/settlement-schedule';
import { findRun } from '../../../domains/settlement/store/settlement-runs';
import { watchSettlements } from '../../../domains/settlement/watchdog';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually } from '../../support/receiver';
import { createSteps, happen } from '../../support/settlement';

const FIRST = '2026-03-01';
const SECOND = addDays(FIRST, 1);
const THIRD = addDays(FIRST, 2);

let pipeline: Pipeline;
let steps: ReturnType<typeof createSteps>;
beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
  steps = createSteps(pipeline);
});
afterAll(() => pipeline.close());

interface Shop {
  tenantId: PublicId;
  merchantId: PublicId;
  schedule: FeeSchedule;
}

interface Rule {
  timeZone: string;
  cutoff: string;
}

async function shop(rule: Rule, firstDate = FIRST, minimum = 1n): Promise<Shop> {
  const { pool } = pipeline.database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId, { ...rule, firstDate });
  const schedule = await insertFeeSchedule(pool, tenantId);
  const { id: merchantId } = await insertMerchant(pool, tenantId, {
    payoutMinimum: [{ amount: minimum, currency: 'EUR' }],
  });
  return { tenantId, merchantId, schedule };
}

const change = ({ tenantId }: Shop, rule: Rule) =>
  insertBusiness(pipeline.database.pool, tenantId, { ...rule, firstDate: FIRST });

const sell = ({ tenantId, merchantId, schedule }: Shop, amount: bigint, at: string) =>
  happen(pipeline.database.pool, tenantId, schedule, {
    kind: 'capture',
    amount,
    merchantId,
    currency: 'EUR',
    at: new Date(at),
  });

async function runOf({ tenantId }: Shop, date: string) {
  const run = await findRun(pipeline.database.pool, tenantId, date);
  if (run === undefined) throw new Error(`${date} has no run`);
  return { ...run, from: run.periodStart.toISOString(), to: run.periodEnd.toISOString() };
}

/** Settles a day step by step. @returns the breaches that were found */
async function settle({ tenantId }: Shop, date: string): Promise<unknown> {
  await steps.settle(tenantId, date, ['openDay', 'claimDay', 'computeDay']);
  const breaches = await steps.run('checkDay', tenantId, date);
  await steps.settle(tenantId, date, ['postDay', 'completeDay']);
  return breaches;
}

interface Days extends Rule {
  /** The first of them. */
  date: string;
  from: string;
  to: string;
}

/** Has the Schedule of a business fire as it would have then. @returns when it did, and what was settled */
async function nights(tenantId: PublicId, { from, to, ...rule }: Days, fires: number, spec?: ScheduleSpec) {
  const { client } = pipeline;
  const [start, end] = [new Date(from), new Date(to)];
  await ensureSettlementSchedule(pipeline, { tenantId, ...rule }, start);
  const schedule = client.schedule.getHandle(settlementLauncherId(tenantId));
  try {
    if (spec !== undefined) await schedule.update((previous) => ({ ...previous, spec }));
    await schedule.backfill({ start, end, overlap: 'BUFFER_ALL' });
    const actions = await eventually(async () => {
      const { info } = await schedule.describe();
      return info.recentActions.length >= fires && info.runningActions.length === 0 ? info.recentActions : undefined;
    });
    return await Promise.all(
      actions.map(async ({ scheduledAt, action }) => {
        const result = await client.workflow.getHandle(action.workflow.workflowId).result();
        return [scheduledAt.toISOString(), (result as { settled: string[] }).settled];
      }),
    );
  } finally {
    await schedule.delete();
  }
}

const NIGHTS: readonly [string, Days, [string, string[]][]][] = [
  [
    'clocks leave the cut-off out',
    {
      timeZone: 'Africa/Cairo',
      cutoff: '00:30',
      date: '2026-04-23',
      from: '2026-04-22T12:00Z',
      to: '2026-04-25T12:00Z',
    },
    [
      ['2026-04-22T22:30:00.000Z', ['2026-04-23']],
      ['2026-04-23T22:30:00.000Z', ['2026-04-24']],
      ['2026-04-24T21:30:00.000Z', ['2026-04-25']],
    ],
  ],
  [
    'clocks show the cut-off twice',
    {
      timeZone: 'Africa/Cairo',
      cutoff: '23:59',
      date: '2026-10-28',
      from: '2026-10-28T12:00Z',
      to: '2026-10-31T12:00Z',
    },
    [
      ['2026-10-28T20:59:00.000Z', ['2026-10-28']],
      ['2026-10-29T20:59:00.000Z', ['2026-10-29']],
      ['2026-10-30T21:59:00.000Z', ['2026-10-30']],
    ],
  ],
  [
    'a law of 2026 keeps clocks from being changed',
    {
      timeZone: 'America/Vancouver',
      cutoff: '23:59',
      date: '2026-10-31',
      from: '2026-10-31T12:00Z',
      to: '2026-11-03T12:00Z',
    },
    [
      ['2026-11-01T06:59:00.000Z', ['2026-10-31']],
      ['2026-11-02T06:59:00.000Z', ['2026-11-01']],
      ['2026-11-03T06:59:00.000Z', ['2026-11-02']],
    ],
  ],
  [
    'clocks are changed by half an hour, over the cut-off',
    {
      timeZone: 'Australia/Lord_Howe',
      cutoff: '02:15',
      date: '2026-10-03',
      from: '2026-10-02T12:00Z',
      to: '2026-10-05T12:00Z',
    },
    [
      ['2026-10-02T15:45:00.000Z', ['2026-10-03']],
      ['2026-10-03T15:45:00.000Z', ['2026-10-04']],
      ['2026-10-04T15:15:00.000Z', ['2026-10-05']],
    ],
  ],
];

test.each(NIGHTS)('where %s, each day is settled once, at its end', async (_, days, expected) => {
  const { tenantId } = await shop(days, days.date);
  expect(await nights(tenantId, days, expected.length)).toEqual(expected);
  const { rows } = await pipeline.database.pool.query(
    `SELECT business_date, period_end, state, attempt FROM settlement_runs WHERE tenant_id = $1 ORDER BY business_date`,
    [toUuid(tenantId)],
  );
  expect(rows).toEqual(
    expected.map(([end, [date]]) => ({
      business_date: date,
      period_end: new Date(end),
      state: 'completed',
      attempt: 1,
    })),
  );
});

describe('where a local cut-off comes twice, in Cairo on 29 October 2026', () => {
  const CAIRO = { timeZone: 'Africa/Cairo', cutoff: '23:59' };
  const DATE = '2026-10-29';

  async function shopOfThatNight(): Promise<Shop> {
    const tea = await shop(CAIRO, DATE);
    await sell(tea, 1_000n, '2026-10-29T20:58:59.999Z');
    // In the hour that comes twice, after the first 23:59 and before the second.
    await sell(tea, 500n, '2026-10-29T21:30:00Z');
    return tea;
  }

  async function oneRun({ tenantId }: Shop) {
    const { rows } = await pipeline.database.pool.query(
      'SELECT business_date, period_end, state, attempt, item_count::int FROM settlement_runs WHERE tenant_id = $1',
      [toUuid(tenantId)],
    );
    const periodEnd = new Date('2026-10-29T20:59:00Z');
    expect(rows).toEqual([
      { business_date: DATE, period_end: periodEnd, state: 'completed', attempt: 1, item_count: 1 },
    ]);
  }

  test('a Schedule of an earlier version, which may fire at both, has the day settled once', async () => {
    const tea = await shopOfThatNight();
    const both = { calendars: [{ hour: [20, 21], minute: 59 }], timezone: 'UTC' };
    const that = { ...CAIRO, date: DATE, from: '2026-10-29T20:00Z', to: '2026-10-29T22:30Z' };
    expect(await nights(tea.tenantId, that, 2, both)).toEqual([
      ['2026-10-29T20:59:00.000Z', [DATE]],
      ['2026-10-29T21:59:00.000Z', []],
    ]);
    await oneRun(tea);
  });

  test('nobody is alarmed before it is late', async () => {
    const { tenantId } = await shopOfThatNight();
    const { database } = pipeline;
    const watch = async (now: string) => {
      await watchSettlements(settlementDeps(pipeline.platform), new Date(now));
      const told = await database.pool.query(
        "SELECT FROM messages WHERE tenant_id = $1 AND event_type = 'settlement.overdue'",
        [toUuid(tenantId)],
      );
      return told.rows.length;
    };
    expect(await watch('2026-10-29T21:13:00Z')).toBe(0);
    expect(await watch('2026-10-29T21:15:00Z')).toBe(1);
    expect(await watch('2026-10-29T23:15:00Z')).toBe(1);
    // Once more for each further day that ends meanwhile.
    expect(await watch('2026-10-30T22:15:00Z')).toBe(2);
    expect(await watch('2026-10-30T22:16:00Z')).toBe(2);
  });
});

describe('when the cut-off is changed between two days', () => {
  test('to a later one, the next day begins where the last one ended, and nothing of it is late', async () => {
    const tea = await shop({ timeZone: 'UTC', cutoff: '16:00' });
    expect(await settle(tea, FIRST)).toEqual([]);
    await change(tea, { timeZone: 'UTC', cutoff: '23:59' });
    await sell(tea, 1_000n, `${FIRST}T20:00:00Z`);
    expect(await settle(tea, SECOND)).toEqual([]);
    expect(await runOf(tea, SECOND)).toMatchObject({
      from: `${FIRST}T16:00:00.000Z`,
      to: `${SECOND}T23:59:00.000Z`,
      itemCount: 1n,
      lateCount: 0n,
    });
  });

  test('to an earlier one, the next day is shorter, and does not begin before the last one ended', async () => {
    const tea = await shop({ timeZone: 'UTC', cutoff: '23:59' });
    await sell(tea, 1_000n, `${FIRST}T20:00:00Z`);
    expect(await settle(tea, FIRST)).toEqual([]);
    await change(tea, { timeZone: 'UTC', cutoff: '16:00' });
    await sell(tea, 700n, `${FIRST}T20:30:00Z`);
    expect(await settle(tea, SECOND)).toEqual([]);
    expect(await runOf(tea, SECOND)).toMatchObject({
      from: `${FIRST}T23:59:00.000Z`,
      to: `${SECOND}T16:00:00.000Z`,
      itemCount: 1n,
      lateCount: 1n,
    });
  });

  test('to a zone in which the next day was over before the last one ended, that day is empty, and days go on', async () => {
    const tea = await shop({ timeZone: 'Pacific/Pago_Pago', cutoff: '23:59' }, FIRST, 1_000n);
    await sell(tea, 1_000n, `${SECOND}T10:00:00Z`);
    expect(await settle(tea, FIRST)).toEqual([]);
    expect((await runOf(tea, FIRST)).to).toBe(`${SECOND}T10:59:00.000Z`);
    await change(tea, { timeZone: 'Pacific/Kiritimati', cutoff: '23:59' });
    await sell(tea, 700n, `${SECOND}T10:59:30Z`);
    expect(await settle(tea, SECOND)).toEqual([]);
    expect(await settle(tea, THIRD)).toEqual([]);
    expect(await runOf(tea, SECOND)).toMatchObject({ from: `${SECOND}T10:59:00.000Z`, itemCount: 0n });
    const third = await runOf(tea, THIRD);
    expect(third.from).toBe((await runOf(tea, SECOND)).to);
    expect(third).toMatchObject({ to: `${THIRD}T09:59:00.000Z`, itemCount: 1n, lateCount: 0n });
  });
});

test('a worker whose clock is behind waits for the end of the day rather than refuse it', async () => {
  const end = new Date(Math.floor(Date.now() / 60_000) * 60_000 + 60_000);
  const date = end.toISOString().slice(0, 10);
  const tea = await shop({ timeZone: 'UTC', cutoff: end.toISOString().slice(11, 16) }, date);
  const opened = (await steps.run('openDay', tea.tenantId, date)) as { waitMs: number; periodEnd: string };
  expect(opened.periodEnd).toBe(end.toISOString());
  expect(opened.waitMs).toBeGreaterThan(0);
  expect(opened.waitMs).toBeLessThanOrEqual(60_000);
});
