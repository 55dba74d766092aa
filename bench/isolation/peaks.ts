import { rssMb } from '../kit/machine';
import type { Stack } from '../kit/stack';

const LOOK_EVERY_MS = 200;

/** The most resident memory seen, in megabytes; 0 where the system does not say. */
export interface PeakRss {
  api: number;
  worker: number;
}

/** Keeps reading how much memory API and worker have. @returns the call that ends it and tells the most */
export function watchMemory({ api, worker }: Stack): () => PeakRss {
  const peak: PeakRss = { api: 0, worker: 0 };
  const look = () => {
    peak.api = Math.max(peak.api, rssMb(api.pid) ?? 0);
    peak.worker = Math.max(peak.worker, rssMb(worker.pid) ?? 0);
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return () => {
    clearInterval(timer);
    look();
    return peak;
  };
}
