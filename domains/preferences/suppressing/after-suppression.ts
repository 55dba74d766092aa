import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { followSoon } from '../changes/open-follow-ups';
import { forgetDecisions } from '../denied';
import { readConcerned } from '../store/changes';

const AT_ONCE = 100;

/** Has what follows a change of suppressions carried out; what cannot be is left to the sweep. It never throws. */
export async function afterSuppression(
  platform: Platform,
  tenantId: PublicId,
  changeId: PublicId | undefined,
): Promise<void> {
  if (changeId === undefined) return;
  followSoon(platform, { changeId, tenantId, summary: 'a suppression' });
  try {
    await forgetDecisions(platform, await readConcerned(platform.pool, changeId, undefined, AT_ONCE));
  } catch (error) {
    platform.log.warn({ err: error, changeId }, 'kept denials are forgotten later');
  }
}
