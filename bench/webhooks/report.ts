import type { Machine } from '../kit/machine';
import type { ProcessorTimes } from '../kit/processors';
import { median, percentile, round } from '../kit/statistics';
import { RATES, type SystemResult, summarizeRate } from './comparison';
import type { MaximumResult } from './step';

export interface ReportInput {
  machine: Machine;
  rounds: number;
  senders: number;
  payloadBytes: number;
  waybill: SystemResult;
  naive: SystemResult;
  /** Waybill's maxima with batches instead of single messages. */
  inBatches: readonly MaximumResult[];
  rssMb: { api: number | undefined; worker: number | undefined };
  checks: { lost: number; duplicates: number };
  naiveChecks: { lost: number; duplicates: number };
  growth: unknown;
}

/** The result of a run, as printed. Times are milliseconds, rates are per second, costs are microseconds a delivery. */
export function buildReport(input: ReportInput) {
  const { waybill, naive } = input;
  const best = medianOf(waybill, 'deliveriesPerSecond');
  const floor = medianOf(naive, 'deliveriesPerSecond');
  const batched = medianOf({ maxima: input.inBatches }, 'deliveriesPerSecond');
  const lags = [...waybill.rates.values(), ...naive.rates.values()].flat().map(({ lagP99 }) => lagP99);
  return {
    maxDeliveriesPerSecond: round(best, 0),
    naiveDeliveriesPerSecond: round(floor, 0),
    ratioToNaive: round(best / floor, 3),
    batchDeliveriesPerSecond: round(batched, 0),
    batchToSingle: round(batched / best, 2),
    latency: latencies(waybill),
    naiveLatency: latencies(naive),
    rssMb: input.rssMb,
    ...input.checks,
    naiveLost: input.naiveChecks.lost,
    naiveDuplicates: input.naiveChecks.duplicates,
    maximum: detail(waybill),
    naiveMaximum: detail(naive),
    rounds: input.rounds,
    senders: input.senders,
    payloadBytes: input.payloadBytes,
    generatorLagP99: round(percentile(lags, 1)),
    machine: input.machine,
    ...(input.growth === undefined ? {} : { growth: input.growth }),
  };
}

function latencies({ rates }: SystemResult) {
  return Object.fromEntries(RATES.map((rate) => [rate, summarizeRate(rates.get(rate) ?? [])]));
}

function medianOf(
  { maxima }: { maxima: readonly MaximumResult[] },
  name: 'deliveriesPerSecond' | 'acceptedPerSecond' | 'drainSeconds',
): number {
  return median(maxima.map((result) => result[name]));
}

/** Every round, so that one can see how far they differ, and what a delivery cost each process. */
function detail(result: SystemResult) {
  return {
    byRound: result.maxima.map(({ deliveriesPerSecond }) => round(deliveriesPerSecond, 0)),
    acceptedPerSecond: round(medianOf(result, 'acceptedPerSecond'), 0),
    drainSeconds: round(medianOf(result, 'drainSeconds')),
    undelivered: result.maxima.reduce((sum, { undelivered }) => sum + undelivered, 0),
    refused: result.maxima.flatMap(({ refused }) => Object.values(refused)).reduce((sum, count) => sum + count, 0),
    processorMicroseconds: medianCosts(result.maxima.map(({ processorMicroseconds }) => processorMicroseconds)),
  };
}

function medianCosts(costs: readonly ProcessorTimes[]): ProcessorTimes {
  const [first = {}] = costs;
  const names = Object.keys(first) as (keyof ProcessorTimes)[];
  return Object.fromEntries(names.map((name) => [name, round(median(costs.map((cost) => cost[name] ?? 0)), 0)]));
}
