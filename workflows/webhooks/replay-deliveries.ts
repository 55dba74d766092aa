import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { ReplayReport, WebhookActivities } from '../../activities/webhooks';
import { LOOK, PROGRESS, REPLAY_COMMANDS } from '../../domains/webhooks/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';

/** What starts a `replayDeliveries`: everything else is in the database. */
export interface ReplayDeliveriesInput {
  replayId: string;
  /** Rounds in a row in which nothing was done, before this run. */
  quietRounds?: number;
}

export const look = defineSignal(LOOK);
export const replayProgress = defineQuery<ReplayReport | null>(PROGRESS);
const COMMANDS = REPLAY_COMMANDS.map((name) => ({ name, update: defineUpdate<string, []>(name) }));

const { replayRound } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '5 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

const { steerReplay } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '250 milliseconds', maximumInterval: '5 seconds' },
});

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** A paused replay is looked at as often: its workflow may have missed that it goes on. */
const PAUSED_LOOK_MS = 3_600_000;

/**
 * Carries out a replay: round by round, until every delivery was reopened and attempted. Its rounds' pauses grow while the
 * endpoints take nothing. Where it stands is in the database, so that this workflow may be reset, terminated or lost at any
 * moment, and another goes on.
 */
export async function replayDeliveries({ replayId, quietRounds = 0 }: ReplayDeliveriesInput): Promise<ReplayReport> {
  let report: ReplayReport | null = null;
  let wakes = 0;
  let quiet = quietRounds;
  let shown = '';
  setHandler(look, () => {
    wakes++;
  });
  setHandler(replayProgress, () => report, { description: 'Where the replay stands' });
  for (const { name, update } of COMMANDS) {
    setHandler(
      update,
      async () => {
        const result = await steerReplay(replayId, name);
        wakes++;
        return result?.state ?? 'gone';
      },
      { description: `Have the replay ${name}` },
    );
  }
  setCurrentDetails(`Carries out ${replayId}.`);
  for (;;) {
    const seen = wakes;
    const before = report === null ? undefined : `${report.state} ${report.done}`;
    report = await replayRound(replayId);
    setCurrentDetails(describe(report));
    if (report.state !== shown) {
      shown = report.state;
      upsertSearchAttributes([{ key: WAYBILL_STATE, value: shown }]);
    }
    if (!isActive(report) && report.state !== 'paused') {
      await condition(allHandlersFinished);
      return report;
    }
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof replayDeliveries>({ replayId, quietRounds: quiet });
    }
    quiet = before === `${report.state} ${report.done}` ? quiet + 1 : 0;
    const pauseMs =
      report.state === 'paused'
        ? PAUSED_LOOK_MS
        : Math.min(FIRST_PAUSE_MS * 2 ** Math.min(quiet, 10), LONGEST_PAUSE_MS);
    await condition(() => wakes !== seen, pauseMs);
  }
}

function isActive({ state }: ReplayReport): boolean {
  return state === 'preparing' || state === 'running' || state === 'cancelling';
}

function describe({ state, total, done, moved, skipped, waiting, returned, rate, etaSeconds }: ReplayReport): string {
  const lines = [`**${state}**: ${done} of ${total ?? 'not yet counted'} done.`];
  lines.push(`${moved} moved, ${waiting} of them wait for their attempt; ${skipped} skipped.`);
  if (returned !== undefined && returned > 0) lines.push(`${returned} went back to where they were.`);
  if (rate !== null) lines.push(`${rate.toFixed(1)} a second.`);
  if (etaSeconds !== null) lines.push(`About ${etaSeconds} s to go.`);
  return lines.join('\n\n');
}
