// npm run bench:settlement -- [--json] [--quick]: how long the settlement of a business day takes, and how that grows.
// Method: docs/performance.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { addDays, businessDay, lastClosedDate } from '../../domains/merchants/rules/business-day';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { describeMachine, rssMb } from '../kit/machine';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { addMerchants, addSales } from './settlement-data';
import { addEntries, verifyAll } from './verification';

const FULL = { sizes: [100_000, 1_000_000], merchants: 1_000, entries: 500_000 };
const QUICK = { sizes: [20_000, 100_000], merchants: 1_000, entries: 50_000 };
const RULE = { timeZone: 'UTC', cutoff: '23:59' };
const BASE = '/api/v2/finance/settlement';
const LOOK_EVERY_MS = 50;
const WITHIN_MS = 10 * 60_000;
const [AMOUNT, COST] = [2_000n, 69n];

interface Measured {
  transactions: number;
  merchants: number;
  /** From the call that triggers it until its result can be read. */
  seconds: number;
  transactionsPerSecond: number;
  /** The highest resident memory of API and worker seen meanwhile, and before it began. */
  peakRssMb: { api: number; worker: number };
  rssBeforeMb: { api: number; worker: number };
  sqlStatements: number;
}

async function main(options: { quick: boolean }, interrupts: AbortSignal): Promise<string> {
  const died = new AbortController();
  const signal = AbortSignal.any([interrupts, died.signal]);
  const stack = await startStack({ onDeath: (error) => died.abort(error), signal });
  try {
    return JSON.stringify(await run(stack, options.quick ? QUICK : FULL, signal));
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await stack.stop(false);
  }
}

async function run(stack: Stack, plan: typeof FULL, signal: AbortSignal) {
  const machine = await describeMachine(stack.pool);
  await stack.pool.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  const last = lastClosedDate(new Date(), RULE);
  const first = addDays(last, 1 - plan.sizes.length);
  await stack.client.call('PATCH', '/v1/business', { ...RULE, grace: '0s', firstDate: first });
  const fees = { currency: 'EUR', bps: 300, fixed: '20', taxBps: 1_500 };
  const schedule = (await stack.client.call('POST', '/v1/fee-schedules', fees)) as { id: string };
  const { rows } = await stack.pool.query<{ id: string }>('SELECT tenant_id AS id FROM businesses');
  const tenantId = `ten_${(rows[0]?.id ?? '').replaceAll('-', '')}`;
  await addMerchants(stack.pool, tenantId, plan.merchants);

  const runs: Measured[] = [];
  for (const [index, transactions] of plan.sizes.entries()) {
    const date = addDays(first, index);
    const { start, end } = businessDay(date, RULE);
    progress(`posting ${transactions} sales of ${plan.merchants} merchants`);
    await addSales(stack.pool, { tenantId, feeScheduleId: schedule.id, start, end, transactions });
    const measured = await measure(stack, { date, transactions, merchants: plan.merchants }, signal);
    progress(
      `${transactions} transactions settled in ${measured.seconds} s (${measured.transactionsPerSecond}/s), ` +
        `API ${measured.peakRssMb.api} MB, worker ${measured.peakRssMb.worker} MB at most`,
    );
    runs.push(measured);
  }
  const [small, large] = [runs[0], runs.at(-1)];
  const each = (measured: Measured | undefined) => (measured?.seconds ?? 0) / (measured?.transactions ?? 1);
  progress('verifying what was settled');
  const days = await verifyAll(stack);
  await addEntries(stack.pool, tenantId, plan.entries);
  progress(`${days.seconds} s; verifying the same with ${plan.entries} further entries in the log`);
  const verification = { days, longLog: await verifyAll(stack) };
  progress(`${verification.longLog.seconds} s in ${verification.longLog.requests} requests`);
  return { ...large, ratioTo100k: Number((each(large) / each(small)).toFixed(3)), verification, runs, machine };
}

async function measure(
  stack: Stack,
  { date, transactions, merchants }: Pick<Measured, 'transactions' | 'merchants'> & { date: string },
  signal: AbortSignal,
): Promise<Measured> {
  await stack.pool.query('SELECT pg_stat_statements_reset()');
  const memory = () => ({ api: rssMb(stack.api.pid) ?? 0, worker: rssMb(stack.worker.pid) ?? 0 });
  const before = memory();
  const peak = { ...before };
  const startedAt = performance.now();
  await stack.client.call('POST', `${BASE}/trigger/${date}`);
  for (;;) {
    const now = memory();
    peak.api = Math.max(peak.api, now.api);
    peak.worker = Math.max(peak.worker, now.worker);
    const { status, totals } = (await stack.client.call('GET', `${BASE}/${date}`)) as {
      status: string;
      totals: { paidOut: string }[];
    };
    if (status === 'completed') {
      const seconds = (performance.now() - startedAt) / 1_000;
      const { rows } = await stack.pool.query<{ calls: number }>(
        "SELECT sum(calls)::int AS calls FROM pg_stat_statements WHERE query ~ 'settlement|ledger|merchants'",
      );
      checkPayout(transactions, totals[0]?.paidOut);
      return {
        transactions,
        merchants,
        seconds: Number(seconds.toFixed(2)),
        transactionsPerSecond: Math.round(transactions / seconds),
        peakRssMb: peak,
        rssBeforeMb: before,
        sqlStatements: rows[0]?.calls ?? 0,
      };
    }
    if (!['pending', 'running'].includes(status)) throw new Error(`the settlement of ${date} is ${status}`);
    if (performance.now() - startedAt > WITHIN_MS) throw new Error(`the settlement of ${date} takes too long`);
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** What the sales come to, computed here and not in the database. */
function checkPayout(transactions: number, paidOut: string | undefined): void {
  let expected = 0n;
  for (let i = 1; i <= transactions; i++) {
    const times = BigInt(1 + (i % 50));
    expected += times * AMOUNT - times * COST - 23n;
  }
  if (paidOut !== String(expected)) throw new Error(`paid out ${paidOut}, but the sales come to ${expected}`);
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});

main(values, listenForInterrupts(progress)).then(
  (line) => {
    process.stdout.write(`${values.json ? line : JSON.stringify(JSON.parse(line), undefined, 2)}\n`);
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
