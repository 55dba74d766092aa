import type { Platform } from '../../../infra/platform/platform';
import { startReplayWorkflow } from '../start';
import { findUnattendedReplays } from '../store/replays';

const MOST = 100;

/** Starts the workflows of jobs that nobody attends to. @returns how many there were */
export async function sweepReplays(platform: Platform, graceMs: number): Promise<number> {
  const unattended = await findUnattendedReplays(platform.pool, graceMs, MOST);
  for (const replay of unattended) await startReplayWorkflow(platform, replay);
  return unattended.length;
}
