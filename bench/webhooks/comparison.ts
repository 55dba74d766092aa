import { progress } from '../kit/progress';
import { median, round } from '../kit/statistics';
import {
  describeMaximum,
  type Latency,
  type MaximumResult,
  measureMaximum,
  measureRate,
  type RateResult,
  type StepDeps,
} from './step';
import type { System } from './system';

export const RATES = [50, 300, 1_000] as const;

export interface ComparisonOptions {
  rounds: number;
  /** Seconds of load per step. */
  rateSeconds: number;
  maximumSeconds: number;
  warmUpSeconds: number;
}

/** The rounds' result for one system. */
export interface SystemResult {
  maxima: MaximumResult[];
  rates: Map<number, RateResult[]>;
}

/** Called around each measurement of Waybill's maximum. */
export interface Watch {
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** Measures the systems in turns, round after round, so that other load on the machine affects each alike. */
export async function compare(
  deps: StepDeps,
  systems: readonly System[],
  options: ComparisonOptions,
  watch?: Watch,
): Promise<Record<System['name'], SystemResult>> {
  const results = { waybill: emptyResult(), naive: emptyResult() };
  progress(`warming up, ${options.warmUpSeconds} s each`);
  for (const system of systems) await measureMaximum(deps, system, options.warmUpSeconds);
  for (let turn = 1; turn <= options.rounds; turn++) {
    for (const system of systems) {
      const watched = system.name === 'waybill' ? watch : undefined;
      await watched?.begin();
      const result = await measureMaximum(deps, system, options.maximumSeconds);
      await watched?.end();
      results[system.name].maxima.push(result);
      progress(`round ${turn}, ${system.name}, maximum: ${describeMaximum(result)}`);
    }
    for (const rate of RATES) {
      for (const system of systems) {
        const result = await measureRate(deps, system, rate, options.rateSeconds);
        results[system.name].rates.get(rate)?.push(result);
        progress(`round ${turn}, ${system.name}, ${rate}/s: ${describeRate(result)}`);
      }
    }
  }
  return results;
}

/** The median of each figure over the rounds; a rate that one round could not sustain counts as not sustained. */
export function summarizeRate(results: readonly RateResult[]): Partial<Latency> & { saturated?: true } {
  const latencies = results.flatMap(({ latency }) => (latency === undefined ? [] : [latency]));
  const names = ['acceptP50', 'acceptP99', 'receivedP50', 'receivedP95', 'receivedP99', 'endToEndP50', 'endToEndP99'];
  const saturated = latencies.length < results.length;
  const entries = names.map((name) => {
    const values = latencies.map((latency) => latency[name as keyof Latency]);
    return [name, saturated ? null : round(median(values))];
  });
  return { ...Object.fromEntries(entries), ...(saturated ? { saturated } : {}) };
}

function emptyResult(): SystemResult {
  return { maxima: [], rates: new Map(RATES.map((rate) => [rate, []])) };
}

function describeRate({ latency, lagP99 }: RateResult): string {
  if (latency === undefined) return 'saturated';
  const show = (name: keyof Latency) => `${name} ${round(latency[name])}`;
  const names = ['acceptP50', 'acceptP99', 'receivedP50', 'receivedP95', 'receivedP99'] as const;
  return `${names.map(show).join(', ')} ms (generator late by ${round(lagP99)} ms at p99)`;
}
