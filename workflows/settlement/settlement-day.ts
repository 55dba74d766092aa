import {
  ApplicationFailure,
  CancellationScope,
  proxyActivities,
  setCurrentDetails,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { DaySummary, SettlementActivities } from '../../activities/settlement';
import { BUSINESS_DATE, TENANT_IDS, WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { DATABASE_RETRY } from '../kit/retry-policies';

export interface SettlementDayInput {
  tenantId: string;
  /** `YYYY-MM-DD` */
  date: string;
  trigger: 'schedule' | 'manual' | 'retry' | 'missed';
}

/** What a day came to. */
export interface DayResult extends DaySummary {
  /** Another run had settled it: this one has changed nothing. */
  settledBefore?: true;
}

const { openDay, completeDay, holdDay } = proxyActivities<SettlementActivities>({
  startToCloseTimeout: '5 minutes',
  retry: DATABASE_RETRY,
});

/**
 * Steps over everything that happened in a day: they heartbeat with every page, and can be repeated from the beginning.
 */
const { claimDay, computeDay, checkDay, postDay } = proxyActivities<SettlementActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '2 minutes',
  retry: DATABASE_RETRY,
});

/**
 * Settles one business day: claims what happened, makes the statements, checks them, posts and pays out. If a single
 * invariant does not hold, nothing is paid out, and somebody has to look.
 */
export async function settlementDay(input: SettlementDayInput): Promise<DayResult> {
  const { tenantId, date } = input;
  const day = { tenantId, date };
  upsertSearchAttributes([
    { key: TENANT_IDS, value: [tenantId] },
    { key: BUSINESS_DATE, value: date },
  ]);
  show('running', `Settlement of **${date}**: opening.`);
  const opened = await openDay({ ...input, workflowId: workflowInfo().workflowId });
  const period = `from ${opened.periodStart} up to ${opened.periodEnd}`;
  if (opened.state === 'completed') {
    return { ...conclude(date, period, await completeDay(day)), settledBefore: true };
  }
  try {
    if (opened.waitMs > 0) {
      show(
        'running',
        `Settlement of **${date}**, ${period}: waiting ${Math.ceil(opened.waitMs / 1000)} s for late commits.`,
      );
      await sleep(opened.waitMs);
    }
    show('running', `Settlement of **${date}**, ${period}: claiming transactions.`);
    const { items, late } = await claimDay(day);
    show('running', `Settlement of **${date}**, ${period}: ${items} transactions (${late} late); making statements.`);
    await computeDay(day);
    show('running', `Settlement of **${date}**, ${period}: ${items} transactions; checking invariants.`);
    let breaches = await checkDay(day);
    if (breaches.length === 0) {
      show('running', `Settlement of **${date}**, ${period}: ${items} transactions; posting.`);
      breaches = await postDay(day);
    }
    if (breaches.length > 0) {
      const error = 'an invariant does not hold; nothing was paid out';
      await holdDay({ ...day, state: 'needs_review', error, breaches });
      const list = breaches.map(({ invariant, detail }) => `- ${invariant}: ${detail}`).join('\n');
      show('needs_review', `**Needs a review**, nothing was paid out:\n${list}`);
      throw ApplicationFailure.nonRetryable(error, 'NeedsReview');
    }
    return conclude(date, period, await completeDay(day));
  } catch (error) {
    if (error instanceof ApplicationFailure && error.type === 'NeedsReview') throw error;
    const message = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : '';
    await CancellationScope.nonCancellable(() => holdDay({ ...day, state: 'failed', error: message, breaches: [] }));
    show('failed', `**Failed**: ${message}. Nothing is lost: a retry goes on from here.`);
    throw error;
  }
}

function conclude(date: string, period: string, summary: DaySummary): DaySummary {
  const lines = summary.totals.map(
    ({ currency, merchants, grossSales, fees, net, paidOut }) =>
      `| ${currency} | ${merchants} | ${grossSales} | ${fees} | ${net} | ${paidOut} |`,
  );
  show(
    'completed',
    [
      `**${date} is settled**, ${period}: ${summary.items} transactions, ${summary.late} late. Hash ${summary.totalsHash}.`,
      '',
      ...asideLines(summary),
      'Minor units:',
      '',
      '| currency | merchants | sales | fees | net | paid out |',
      '|---|---|---|---|---|---|',
      ...lines,
    ].join('\n'),
  );
  return summary;
}

/** Results of earlier versions do not say it. */
function asideLines({ setAside }: Partial<Pick<DaySummary, 'setAside'>>): string[] {
  if (setAside === undefined || setAside === 0) return [];
  return [`**${setAside} merchants are set aside**: they are not settled until they are brought back.`, ''];
}

function show(state: string, details: string): void {
  upsertSearchAttributes([{ key: WAYBILL_STATE, value: state }]);
  setCurrentDetails(details);
}
