import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { PublicId } from '../../core/ids';
import { inTransaction } from '../../infra/postgres/pool';
import { inTime } from '../../infra/temporal/in-time';
import { TENANT_IDS } from '../../infra/temporal/search-attributes';
import { taskQueue } from '../../infra/temporal/task-queues';
import { appendAudit } from '../ledger';
import { addDays, type Business, businessDay, findBusiness, lastClosedDate } from '../merchants';
import type { SettlementDeps } from './deps';
import { SettlementRefusal } from './refusals';
import { SETTLEMENT_WORKFLOWS, settlementLauncherId, settlementWorkflowId } from './rules/workflow-names';
import { noSettlement } from './settled-run';
import { ensureRun, findRun, lastCompletedDate, reopenRun, type SettlementRun } from './store/settlement-runs';

type Deps = Pick<SettlementDeps, 'pool' | 'client'> & { config: { WAYBILL_TASK_QUEUE: string } };

/** @throws SettlementRefusal when the tenant is no business */
export async function businessOf({ pool }: Deps, tenantId: PublicId): Promise<Business> {
  const business = await findBusiness(pool, tenantId);
  if (business !== undefined) return business;
  throw new SettlementRefusal('no-business', 'The tenant is no business yet: PATCH /v1/business first.');
}

/**
 * The day that is meant: by default the last one that is over.
 *
 * @throws SettlementRefusal when it is not over yet, or lies before the first day
 */
export function closedDate(business: Business, date: string | undefined): string {
  const last = lastClosedDate(new Date(), business);
  const wanted = date ?? last;
  if (wanted > last) {
    const { end } = businessDay(wanted, business);
    throw new SettlementRefusal(
      'day-open',
      `${wanted} is over at ${end.toISOString()}; the last closed day is ${last}.`,
    );
  }
  if (wanted < business.firstDate) {
    if (date === undefined)
      throw new SettlementRefusal('day-open', `The first day, ${business.firstDate}, is not over.`);
    const detail = `lies before the first business day, ${business.firstDate}`;
    throw new SettlementRefusal('before-first-day', detail, { field: ['date'] });
  }
  return wanted;
}

/** Has a day settled. @returns its run, and whether it was completed before */
export async function trigger(
  deps: Deps,
  tenantId: PublicId,
  wanted: string | undefined,
): Promise<{ run: SettlementRun; done: boolean }> {
  const business = await businessOf(deps, tenantId);
  const date = closedDate(business, wanted);
  const known = await findRun(deps.pool, tenantId, date);
  if (known?.state === 'completed') return { run: known, done: true };
  await refuseBehindBlocked(deps, business, date);
  const run = await ensureRun(deps.pool, {
    tenantId,
    day: businessDay(date, business),
    timeZone: business.timeZone,
    trigger: 'manual',
    workflowId: settlementWorkflowId(tenantId, date),
  });
  if (run.state === 'completed') return { run, done: true };
  if (run.state === 'failed' || run.state === 'needs_review') {
    throw new SettlementRefusal('use-retry', `The settlement of ${date} ${run.state}: use retry.`);
  }
  if (await isRunning(deps.client, run.workflowId)) throw stillRunning(date);
  await launch(deps, tenantId, date, 'manual');
  return { run, done: false };
}

/** @throws SettlementRefusal when an earlier day has to be retried first: nothing would come of settling the later one */
async function refuseBehindBlocked({ pool }: Deps, { tenantId, firstDate }: Business, date: string): Promise<void> {
  const last = await lastCompletedDate(pool, tenantId);
  const next = last === undefined ? firstDate : addDays(last, 1);
  if (next >= date) return;
  const state = (await findRun(pool, tenantId, next))?.state;
  if (state !== 'failed' && state !== 'needs_review') return;
  throw new SettlementRefusal(
    'earlier-day-blocked',
    `Days are settled in their order, and the settlement of ${next} ${state}: retry it first.`,
  );
}

/** Has a day settled again that failed or was held for review. */
export async function retry(deps: Deps, tenantId: PublicId, keyId: PublicId, date: string): Promise<SettlementRun> {
  await businessOf(deps, tenantId);
  const run = await findRun(deps.pool, tenantId, date);
  if (run === undefined) throw noSettlement();
  const reopened = await inTransaction(deps.pool, async (client) => {
    if (!(await reopenRun(client, run.id))) return false;
    const payload = { date, from: run.state, attempt: run.attempt + 1 };
    await appendAudit(client, tenantId, { actor: keyId, action: 'settlement.retried', subject: run.id, payload });
    return true;
  });
  // One that was reopened before, but not started, is started now.
  const startable = reopened || (run.state === 'pending' && run.trigger === 'retry');
  if (!startable) {
    throw new SettlementRefusal(
      'not-retryable',
      `The settlement of ${date} is ${run.state}; only one that failed or needs a review can be retried.`,
    );
  }
  await launch(deps, tenantId, date, 'retry');
  return (await findRun(deps.pool, tenantId, date)) ?? run;
}

async function launch({ client, config }: Deps, tenantId: PublicId, upTo: string, how: 'manual' | 'retry') {
  try {
    await inTime(
      client.workflow.start(SETTLEMENT_WORKFLOWS.settlementLauncher, {
        workflowId: settlementLauncherId(tenantId, upTo),
        taskQueue: taskQueue(config, 'money'),
        args: [{ tenantId, upTo, trigger: how }],
        staticSummary: `Settles every day up to ${upTo}`,
        typedSearchAttributes: [{ key: TENANT_IDS, value: [tenantId] }],
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        // The launcher whose day did not complete may not have ended yet; the days themselves go on without it.
        workflowIdConflictPolicy:
          how === 'retry' ? WorkflowIdConflictPolicy.TERMINATE_EXISTING : WorkflowIdConflictPolicy.FAIL,
      }),
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw stillRunning(upTo);
    throw error;
  }
}

function stillRunning(date: string): SettlementRefusal {
  const detail = `The settlement of ${date} is running. Ask for it with GET /api/v2/finance/settlement/${date}.`;
  return new SettlementRefusal('running', detail, { retryAfterSeconds: 5 });
}

async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    return (await inTime(client.workflow.getHandle(workflowId).describe())).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
