// npm run bench:settlement -- [--json] [--quick]: how long the settlement of a business day takes, and how that grows.
// Method: docs/performance.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { describeMachine, rssMb } from '../kit/machine';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { reconcile } from './reconciliation';
import { addUnsettledDay, type UnsettledDay } from './unsettled-day';
import { addEntries, verifyAll } from './verification';

const FULL = { sizes: [100_000, 1_000_000], merchants: 1_000, entries: 500_000 };
const QUICK = { sizes: [20_000, 100_000], merchants: 1_000, entries: 50_000 };
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
  const runs: Measured[] = [];
  let day: UnsettledDay | undefined;
  for (const transactions of plan.sizes) {
    progress(`posting ${transactions} sales of ${plan.merchants} merchants`);
    day = await addUnsettledDay(stack, { merchants: plan.merchants, transactions });
    const measured = await measure(stack, day, { transactions, merchants: plan.merchants }, signal);
    progress(
      `${transactions} transactions settled in ${measured.seconds} s (${measured.transactionsPerSecond}/s), ` +
        `API ${measured.peakRssMb.api} MB, worker ${measured.peakRssMb.worker} MB at most`,
    );
    runs.push(measured);
  }
  const [small, large] = [runs[0], runs.at(-1)];
  const each = (measured: Measured | undefined) => (measured?.seconds ?? 0) / (measured?.transactions ?? 1);
  if (day === undefined) throw new Error('nothing was settled');
  const settled = { client: day.client, api: stack.api };
  progress('comparing it with a file');
  const exact = await reconcile(stack, day, 'exact');
  const changed = await reconcile(stack, day, 'changed');
  progress(
    `${exact.lines} lines in ${exact.seconds} s, changed by a bank ${changed.seconds} s, API ${changed.peakMb} MB at most`,
  );
  const reconciliation = {
    reconciliationSeconds: exact.seconds,
    reconciliationPeakMb: Math.max(exact.peakMb, changed.peakMb),
    reconciliation: { exact, changed },
  };
  progress('verifying what was settled');
  const days = await verifyAll(settled);
  await addEntries(stack.pool, day.tenantId, plan.entries);
  progress(`${days.seconds} s; verifying the same with ${plan.entries} further entries in the log`);
  const verification = { days, longLog: await verifyAll(settled) };
  progress(`${verification.longLog.seconds} s in ${verification.longLog.requests} requests`);
  return {
    ...large,
    ratioTo100k: Number((each(large) / each(small)).toFixed(3)),
    ...reconciliation,
    verification,
    runs,
    machine,
  };
}

async function measure(
  stack: Stack,
  day: UnsettledDay,
  { transactions, merchants }: Pick<Measured, 'transactions' | 'merchants'>,
  signal: AbortSignal,
): Promise<Measured> {
  await stack.pool.query('SELECT pg_stat_statements_reset()');
  const memory = () => ({ api: rssMb(stack.api.pid) ?? 0, worker: rssMb(stack.worker.pid) ?? 0 });
  const before = memory();
  const peak = { ...before };
  const startedAt = performance.now();
  await day.trigger();
  for (;;) {
    const now = memory();
    peak.api = Math.max(peak.api, now.api);
    peak.worker = Math.max(peak.worker, now.worker);
    const { status, totals } = await day.look();
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
    if (!['pending', 'running'].includes(status)) throw new Error(`the settlement of ${day.date} is ${status}`);
    if (performance.now() - startedAt > WITHIN_MS) throw new Error(`the settlement of ${day.date} takes too long`);
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
