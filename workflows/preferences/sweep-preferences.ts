import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { PreferenceActivities, PreferenceSweepReport } from '../../activities/preferences';

const { sweepPreferenceChanges } = proxyActivities<PreferenceActivities>({
  startToCloseTimeout: '9 minutes',
  heartbeatTimeout: '1 minute',
  retry: { maximumAttempts: 3 },
});

/** Run by the Schedule `sweep-preferences`: has what follows changes carried out where nothing attends to it. */
export async function sweepPreferences(): Promise<PreferenceSweepReport> {
  const report = await sweepPreferenceChanges();
  setCurrentDetails(
    `${report.followed} changes were followed up; ${report.changesRemoved} old ones removed. ` +
      `${report.resumed} exports and erasures were resumed; ${report.exportsRemoved} expired exports removed. ` +
      `${report.bulksResumed} bulk suppressions were resumed; ${report.rowsRemoved} rows of old ones removed.`,
  );
  return report;
}
