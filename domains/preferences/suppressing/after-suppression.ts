import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { FOLLOW_WITHIN_MS } from '../changes/terms';
import { forgetDecisions } from '../denied';
import { followChange } from '../start';
import { readConcerned } from '../store/changes';

const AT_ONCE = 100;

/** Has what follows a change of suppressions carried out; what cannot be is left to the sweep. It never throws. */
export async function afterSuppression(
  platform: Platform,
  tenantId: PublicId,
  changeId: PublicId | undefined,
): Promise<void> {
  if (changeId === undefined) return;
  try {
    await forgetDecisions(platform, await readConcerned(platform.pool, changeId, undefined, AT_ONCE));
    await followChange(platform, { changeId, tenantId, summary: 'a suppression' }, FOLLOW_WITHIN_MS);
  } catch (error) {
    platform.log.warn({ err: error, changeId }, 'what follows a change of suppressions is left to the sweep');
  }
}
