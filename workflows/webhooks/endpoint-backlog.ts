import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { BacklogReport, WebhookActivities } from '../../activities/webhooks';
import type { Lane } from '../../domains/webhooks/rules/lane';
import { LANE_PRIORITY } from '../../domains/webhooks/rules/lane-priority';
import { MORE, PROGRESS, TRY_NOW } from '../../domains/webhooks/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { describeBacklog } from './endpoint-backlog-details';

/** What starts an `endpointBacklog`: the endpoint, not its deliveries. */
export interface EndpointBacklogInput {
  endpointId: string;
  /** Rounds in a row in which the endpoint took nothing, before this run. */
  quietRounds?: number;
}

export const more = defineSignal(MORE);
export const tryNow = defineSignal(TRY_NOW);
export const backlogProgress = defineQuery<BacklogReport | null>(PROGRESS);

const ROUND = {
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
} as const;

/** Rounds by what they are for: those of many endpoints share a few slots. */
const ROUNDS = {
  urgent: proxyActivities<WebhookActivities>({ ...ROUND, priority: LANE_PRIORITY.urgent }),
  normal: proxyActivities<WebhookActivities>({ ...ROUND, priority: LANE_PRIORITY.normal }),
  bulk: proxyActivities<WebhookActivities>({ ...ROUND, priority: LANE_PRIORITY.bulk }),
};

/**
 * How long to leave an endpoint alone that took nothing: doubled with each round, so that it is tried for as long again as
 * it has been down. Whether a second timer follows depends on these: running workflows need `patched` if they change.
 */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/** The longest sleep before the backlog is looked at again. */
const LONGEST_SLEEP_MS = 24 * 3_600_000;

/**
 * Attends to all deliveries that one endpoint could not take at once, however many they are: one round at a time, as many
 * attempts as the endpoint's answers allow, and pauses that grow while it takes nothing. Ends when none is left.
 */
export async function endpointBacklog({ endpointId, quietRounds = 0 }: EndpointBacklogInput): Promise<void> {
  let quiet = quietRounds;
  let told = 0;
  let tried = false;
  let report: BacklogReport | null = null;
  /** Of the most urgent that is known to be due. */
  let lane: Lane = 'normal';
  setHandler(more, () => {
    told++;
  });
  setHandler(tryNow, () => {
    told++;
    tried = true;
  });
  setHandler(backlogProgress, () => report, { description: 'Where the backlog stands' });

  setCurrentDetails(`Attends to what ${endpointId} could not take at once.`);
  for (;;) {
    const toldBefore = told;
    const insist = tried;
    tried = false;
    report = await ROUNDS[lane].serveBacklog(endpointId, insist);
    lane = report.lane ?? 'normal';
    setCurrentDetails(describeBacklog(endpointId, report));
    if (report.open === 0) {
      if (told === toldBefore) break;
      continue;
    }
    // A limit of ours says nothing of the endpoint, and more for it opens no sooner.
    const limited = report.rateLimited === true;
    if (report.delivered > 0) quiet = 0;
    else if (!limited || report.attempts > 0) quiet++;
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof endpointBacklog>({ endpointId, quietRounds: quiet });
    }
    // More for an endpoint that takes nothing does not cut its pause short: it has enough already.
    const pauseMs =
      quiet === 0 || (limited && report.attempts === 0)
        ? 0
        : Math.min(FIRST_PAUSE_MS * 2 ** (quiet - 1), LONGEST_PAUSE_MS);
    if (pauseMs > 0) await condition(() => tried, pauseMs);
    const restMs = Math.min(report.nextInMs, LONGEST_SLEEP_MS) - pauseMs;
    if (restMs > 0) await condition(() => tried || (!limited && told !== toldBefore), restMs);
  }
  upsertSearchAttributes([{ key: WAYBILL_STATE, value: 'drained' }]);
}
