import { processorMs } from './machine';
import type { Stack } from './stack';

const NAMES = ['api', 'worker', 'postgres', 'redis', 'temporal', 'naive', 'receiver', 'load'] as const;

/** Processor time by process, in milliseconds (or, divided by messages, in microseconds). */
export type ProcessorTimes = Partial<Record<(typeof NAMES)[number], number>>;

/** Reads how much processor time each process has used so far. */
export type ProcessorMeter = () => ProcessorTimes;

export function createProcessorMeter(stack: Stack, naivePid: () => number | undefined): ProcessorMeter {
  const { servers } = stack;
  return () => {
    const { user, system } = process.cpuUsage();
    const times = {
      api: processorMs(stack.api.pid),
      worker: processorMs(stack.worker.pid),
      postgres: processorMs(servers.postgres.pid),
      redis: processorMs(servers.redis?.pid),
      temporal: processorMs(servers.temporal.pid),
      naive: processorMs(naivePid()),
      receiver: processorMs(stack.receiverProcess.pid),
      load: (user + system) / 1_000,
    };
    return Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined));
  };
}

/** What a message cost each process between two readings, in microseconds. */
export function microsecondsEach(before: ProcessorTimes, after: ProcessorTimes, messages: number): ProcessorTimes {
  const costs: ProcessorTimes = {};
  for (const name of NAMES) {
    const [from, to] = [before[name], after[name]];
    if (from !== undefined && to !== undefined && messages > 0)
      costs[name] = Math.round(((to - from) * 1_000) / messages);
  }
  return costs;
}
