import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { WebhookRefusal } from '../refusals';
import type { ReplayCommand } from '../rules/workflow-names';
import { updateReplay } from '../start';
import { findReplay, type Replay, steerReplay } from '../store/replays';
import { replayStepTold } from './replay-step';

/** What a cancelled job has reopened is brought back in the request for so long, then by its workflow. */
const BRING_BACK_MS = 2_000;

/**
 * Pauses, resumes or cancels a job, in the database first: that holds at once, also while Temporal is away. What is reopened
 * already goes on, or back where it was when the job is cancelled and nobody has attempted it.
 *
 * @throws WebhookRefusal when there is none, or its state does not allow it
 */
export async function commandReplay(
  platform: Platform,
  tenantId: PublicId,
  { id, command }: { id: PublicId; command: ReplayCommand },
): Promise<Replay> {
  const { pool, log } = platform;
  const replay = await findReplay(pool, tenantId, id);
  if (replay === undefined) throw new WebhookRefusal('no-such-replay');
  const result = await steerReplay(pool, id, command);
  if (result?.steered !== true) {
    const state = result?.state ?? replay.state;
    throw new WebhookRefusal('replay-not-steerable', `It is ${state}: ${HINTS[command]}`);
  }
  if (command === 'cancel') await bringBack(platform, id);
  await updateReplay(platform, command, replay).catch((error: unknown) =>
    log.warn({ err: error, replayId: id }, `could not reach the workflow for ${command}`),
  );
  return (await findReplay(pool, tenantId, id)) ?? replay;
}

async function bringBack(platform: Platform, id: PublicId): Promise<void> {
  const until = Date.now() + BRING_BACK_MS;
  for (let goesOn = true; goesOn && Date.now() < until; ) ({ goesOn } = await replayStepTold(platform, id));
}

const HINTS: Readonly<Record<ReplayCommand, string>> = {
  pause: 'only one that goes on can be paused.',
  resume: 'only a paused one can be resumed.',
  cancel: 'one that has ended cannot be cancelled.',
};
