import type { Pool } from 'pg';
import { createTotalsHash } from '../../core/totals-hash';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../ledger';
import { coverEvent, type StoredEvent, storeEvent } from '../webhooks';
import type { SettlementDeps } from './deps';
import { type DayRef, forEachPage, runningRun } from './pages';
import { checkRecords } from './store/settlement-checks';
import { countUnposted, postRecords } from './store/settlement-postings';
import { NO_MERCHANT, readRecords } from './store/settlement-records';
import { type Breach, completeRun, endRun, findRun, type SettlementRun } from './store/settlement-runs';

const ACTOR = 'settlement';
const PAGE = 1_000;

/** What a completed settlement came to, by currency, in minor units. */
export interface DayTotals {
  currency: string;
  merchants: number;
  grossSales: string;
  refunds: string;
  chargebacks: string;
  fees: string;
  feeTax: string;
  net: string;
  paidOut: string;
}

export interface DaySummary {
  totalsHash: string;
  items: string;
  late: string;
  totals: DayTotals[];
}

class NotPosted extends Error {}

export async function checkDay(pool: Pool, day: DayRef): Promise<Breach[]> {
  const found = new Map<string, Breach>();
  await forEachPage(pool, await runningRun(pool, day), async (db, page) => {
    for (const breach of await checkRecords(db, page)) {
      if (!found.has(breach.invariant)) found.set(breach.invariant, breach);
    }
  });
  return [...found.values()];
}

export async function postDay(pool: Pool, day: DayRef): Promise<Breach[]> {
  const run = await runningRun(pool, day);
  try {
    await forEachPage(pool, run, async (db, page) => {
      await postRecords(db, page);
      const unposted = await countUnposted(db, page);
      if (unposted > 0) throw new NotPosted(`${unposted} accounts differ`);
    });
    return [];
  } catch (error) {
    if (!(error instanceof NotPosted)) throw error;
    return [{ invariant: 'what is owed after the payout is what the statement closes with', detail: error.message }];
  }
}

export async function completeDay(deps: SettlementDeps, day: DayRef): Promise<DaySummary> {
  const { pool } = deps;
  const run = await findRun(pool, day.tenantId, day.date);
  if (run === undefined) throw new Error('the run is gone');
  const summary = await summarize(pool, run);
  if (run.state === 'completed') return summary;
  const event = await inTransaction(pool, async (client) => {
    if (!(await completeRun(client, run.id, summary.totalsHash))) return undefined;
    await appendAudit(client, day.tenantId, {
      actor: ACTOR,
      action: 'settlement.completed',
      subject: run.id,
      payload: { date: day.date, attempt: run.attempt, ...summary },
    });
    return storeEvent(client, {
      tenantId: day.tenantId,
      eventType: 'settlement.completed',
      eventId: `settlement.completed/${run.id}`,
      payload: { runId: run.id, date: day.date, timeZone: run.timeZone, ...summary },
    });
  });
  await cover(deps, event);
  deps.metrics.runs.inc({ outcome: 'completed' });
  return summary;
}

export async function holdDay(
  deps: SettlementDeps,
  day: DayRef & { state: 'failed' | 'needs_review'; error: string; breaches: Breach[] },
): Promise<void> {
  const { state, error, breaches } = day;
  const run = await findRun(deps.pool, day.tenantId, day.date);
  if (run === undefined) return;
  const event = await inTransaction(deps.pool, async (client) => {
    if (!(await endRun(client, run.id, { state, error, breaches }))) return undefined;
    const payload = { date: day.date, attempt: run.attempt, error, breaches };
    await appendAudit(client, day.tenantId, { actor: ACTOR, action: `settlement.${state}`, subject: run.id, payload });
    return storeEvent(client, {
      tenantId: day.tenantId,
      eventType: `settlement.${state}`,
      eventId: `settlement.${state}/${run.id}/${run.attempt}`,
      payload: { runId: run.id, ...payload },
    });
  });
  await cover(deps, event);
  deps.metrics.runs.inc({ outcome: state });
  deps.log.error({ tenantId: day.tenantId, date: day.date, state, error, breaches }, 'a settlement did not complete');
}

/** What is stored is delivered in any case, if need be by the sweep. */
async function cover({ client, config, log }: SettlementDeps, event: StoredEvent | undefined): Promise<void> {
  if (event === undefined) return;
  await coverEvent(client, config, event).catch((error) => {
    log.warn({ err: error, workflowId: event.workflowId }, 'could not start the delivery of an event');
  });
}

async function summarize(pool: Pool, run: SettlementRun): Promise<DaySummary> {
  const hash = createTotalsHash();
  const totals = new Map<string, { merchants: number; sums: bigint[] }>();
  let after = { merchantId: NO_MERCHANT, currency: '' };
  for (;;) {
    const records = await readRecords(pool, run.id, after, PAGE);
    for (const record of records) {
      hash.add(Object.values(record));
      const { grossSales, refunds, chargebacks, fees, feeTax, net, paidOut } = record;
      const own = [grossSales, refunds, chargebacks, fees, feeTax, net, paidOut];
      const total = totals.get(record.currency);
      totals.set(record.currency, {
        merchants: (total?.merchants ?? 0) + 1,
        sums: own.map((amount, index) => amount + (total?.sums[index] ?? 0n)),
      });
    }
    const last = records.at(-1);
    if (last === undefined || records.length < PAGE) break;
    after = last;
  }
  return {
    totalsHash: hash.digest(),
    items: String(run.itemCount ?? 0n),
    late: String(run.lateCount ?? 0n),
    totals: [...totals.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([currency, { merchants, sums }]) => {
        const [grossSales = 0n, refunds = 0n, chargebacks = 0n, fees = 0n, feeTax = 0n, net = 0n, paidOut = 0n] = sums;
        return {
          currency,
          merchants,
          grossSales: String(grossSales),
          refunds: String(refunds),
          chargebacks: String(chargebacks),
          fees: String(fees),
          feeTax: String(feeTax),
          net: String(net),
          paidOut: String(paidOut),
        };
      }),
  };
}
