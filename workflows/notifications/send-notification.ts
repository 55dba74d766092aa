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
import type { NotificationActivities, SendReport } from '../../activities/notifications';
import { LOOK_AGAIN, NOTIFICATION_PROGRESS } from '../../domains/notifications/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';

const { sendDueNotifications } = proxyActivities<NotificationActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '5 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** What has become of the sends so far. */
export interface SendProgress {
  sent: number;
  /** Not allowed by preferences or suppressions. */
  suppressed: number;
  /** Given up, or refused for good. */
  failed: number;
  /** Neither. */
  open: number;
}

export const sendProgress = defineQuery<SendProgress>(NOTIFICATION_PROGRESS);
export const lookAgain = defineSignal(LOOK_AGAIN);

const NOTHING_YET: SendProgress = { sent: 0, suppressed: 0, failed: 0, open: 0 };

/**
 * Sends a notification, or many that were accepted close together, by every channel: each send when it is due, decided about
 * at the last moment. Quiet hours and retries are waited for. It finds its sends by its own id, so its input and history hold
 * none of their content and nobody's address.
 *
 * @param before - of the run that this one continues
 */
export async function sendNotification(before: SendProgress = NOTHING_YET): Promise<SendProgress> {
  let progress = before;
  let looks = 0;
  setHandler(sendProgress, () => progress, { description: 'What has become of the sends' });
  setHandler(
    lookAgain,
    () => {
      looks++;
    },
    { description: 'Look at once whether a send is due' },
  );
  for (;;) {
    const looked = looks;
    const report = await sendDueNotifications();
    progress = add(progress, report);
    setCurrentDetails(describe(progress, report));
    if (report.open === 0 && looks === looked) break;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof sendNotification>(progress);
    if (report.nextInMs > 0) await condition(() => looks > looked, report.nextInMs);
  }
  upsertSearchAttributes([{ key: WAYBILL_STATE, value: endOf(progress) }]);
  return progress;
}

function add(before: SendProgress, { sent, suppressed, failed, open }: SendReport): SendProgress {
  return {
    sent: before.sent + sent,
    suppressed: before.suppressed + suppressed,
    failed: before.failed + failed,
    open,
  };
}

function endOf({ sent, failed }: SendProgress): string {
  if (failed > 0) return 'failed';
  return sent > 0 ? 'sent' : 'suppressed';
}

function describe({ sent, suppressed, failed, open }: SendProgress, { nextInMs, deferred }: SendReport): string {
  const lines = [`- ${sent} sent`];
  if (suppressed > 0) lines.push(`- ${suppressed} suppressed: preferences or suppressions do not allow them`);
  if (failed > 0) lines.push(`- ${failed} failed: \`GET /v1/notifications/{id}\` says why`);
  if (open > 0) lines.push(`- ${open} to be sent, the next in ${Math.ceil(nextInMs / 1_000)} s`);
  if (deferred > 0) lines.push(`- ${deferred} of them put off by quiet hours`);
  return lines.join('\n');
}
