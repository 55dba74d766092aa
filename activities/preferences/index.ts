import { heartbeat } from '@temporalio/activity';
import type { PublicId } from '../../core/ids';
import {
  type CancelReport,
  cancelPendingSends,
  cancelSendsOf,
  eraseTold,
  HELD_NOTIFICATIONS,
  type InFlightReport,
} from '../../domains/notifications';
import {
  type BulkReport,
  type BulkState,
  bulkRound,
  type ChangeCommand,
  type CommitResult,
  type Concerned,
  cancelBulkByWorkflow,
  collectExport,
  commitChange,
  concernedBy,
  concludeErasure,
  concludePreferenceChange,
  type ErasedCounts,
  type ExportReport,
  failBulk,
  forgetDecisions,
  OWN_PARTS,
  openFeedback,
  type PreferenceSweepReport,
  sweepPreferences,
} from '../../domains/preferences';
import type { Platform } from '../../infra/platform/platform';

export type {
  BulkReport,
  CancelReport,
  ChangeCommand,
  CommitResult,
  Concerned,
  ErasedCounts,
  ExportReport,
  InFlightReport,
  PreferenceSweepReport,
};

/** Everything that is held about a subscriber, by all domains. */
const HELD = [...OWN_PARTS, ...HELD_NOTIFICATIONS];

export type PreferenceActivities = ReturnType<typeof createPreferenceActivities>;

/** The side effects of changes of preferences and suppressions. */
export function createPreferenceActivities(platform: Platform) {
  // Before any event of a source that goes to one of them.
  platform.once(openFeedback);
  return {
    /** Commits a change, once however often this is tried. */
    commitPreferenceChange: (command: ChangeCommand): Promise<CommitResult> => commitChange(platform, command),
    /** Whom a committed change concerns, a page of them. */
    concernedByChange: (changeId: PublicId, after: PublicId | null): Promise<Concerned> =>
      concernedBy(platform, changeId, after),
    /** Forgets decisions about these subscribers that are kept to answer sooner. */
    forgetCachedDecisions: (subscriberIds: PublicId[]): Promise<void> => forgetDecisions(platform, subscriberIds),
    /** Decides anew about what a subscriber is to be sent, after a change of what they want. */
    cancelPendingSends: (subscriberId: PublicId): Promise<CancelReport> =>
      cancelPendingSends(platform, subscriberId, () => heartbeat()),
    /** Publishes a change to the tenant's endpoints, and marks it done. */
    concludePreferenceChange: (changeId: PublicId): Promise<boolean> => concludePreferenceChange(platform, changeId),
    /** Goes on with a bulk suppression for some seconds. */
    bulkSuppressionRound: (bulkId: PublicId): Promise<BulkReport> =>
      bulkRound(
        {
          platform,
          beat: () => heartbeat(),
          stopSends: (subscriberIds, stopped) => cancelSendsOf(platform, subscriberIds, () => heartbeat(), stopped),
        },
        bulkId,
      ),
    /** Leaves the rows of a bulk suppression that are not done as they are. */
    cancelBulkSuppression: (tenantId: PublicId, bulkId: PublicId): Promise<BulkState | 'gone'> =>
      cancelBulkByWorkflow(platform, tenantId, bulkId),
    /** Ends a bulk suppression whose rounds go on failing. */
    failBulkSuppression: (bulkId: PublicId): Promise<BulkReport> => failBulk(platform, bulkId),
    /** Collects some of an export, and reports how far it has got. */
    collectSubscriberExport: (exportId: PublicId): Promise<ExportReport> =>
      collectExport(platform, exportId, HELD, () => heartbeat()),
    /** Ends what an erased subscriber was to be sent, and forgets what they were told. */
    eraseNotifications: (subscriberId: PublicId): Promise<InFlightReport> =>
      eraseTold(platform, subscriberId, () => heartbeat()),
    /** Publishes an erasure to the tenant's endpoints, and marks it done. */
    concludeSubscriberErasure: (subscriberId: PublicId): Promise<ErasedCounts | null> =>
      concludeErasure(platform, subscriberId),
    /** Has what follows neglected changes carried out, and forgets old ones. */
    sweepPreferenceChanges: (): Promise<PreferenceSweepReport> => sweepPreferences(platform, () => heartbeat()),
  };
}
