import type { Platform } from '../../infra/platform/platform';

/**
 * Looks at once, then at intervals until the process closes. A look that takes longer than an interval is not overtaken by
 * the next.
 *
 * @param look - never rejects
 * @param everyMs - milliseconds
 */
export function lookAtIntervals(platform: Pick<Platform, 'onClose'>, look: () => Promise<void>, everyMs: number): void {
  let looking = false;
  const unlessLooking = async () => {
    if (looking) return;
    looking = true;
    await look();
    looking = false;
  };
  void unlessLooking();
  const timer = setInterval(() => void unlessLooking(), everyMs);
  platform.onClose(async () => clearInterval(timer));
}
