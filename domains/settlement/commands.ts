import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { AppDeps } from '../../api/deps';
import { invalidField, Problem } from '../../api/http/problems';
import type { PublicId } from '../../core/ids';
import { inTransaction } from '../../infra/postgres/pool';
import { inTime } from '../../infra/temporal/in-time';
import { settlementLauncherId, settlementWorkflowId, WORKFLOWS } from '../../infra/temporal/names';
import { TENANT_IDS } from '../../infra/temporal/search-attributes';
import { appendAudit } from '../ledger/store/audit';
import { addDays, businessDay, lastClosedDate } from '../merchants/rules/business-day';
import { type Business, findBusiness } from '../merchants/store/businesses';
import { noSettlement } from './settled-run';
import { ensureRun, findRun, lastCompletedDate, reopenRun, type SettlementRun } from './store/settlement-runs';

type Deps = Pick<AppDeps, 'pool' | 'client' | 'config'>;

/** @throws Problem when the tenant is no business */
export async function businessOf({ pool }: Deps, tenantId: PublicId): Promise<Business> {
  const business = await findBusiness(pool, tenantId);
  if (business !== undefined) return business;
  throw new Problem('wrong-state', { detail: 'The tenant is no business yet: PATCH /v1/business first.' });
}

/**
 * The day that is meant: by default the last one that is over.
 *
 * @throws Problem when it is not over yet, or lies before the first day
 */
export function closedDate(business: Business, date: string | undefined): string {
  const last = lastClosedDate(new Date(), business);
  const wanted = date ?? last;
  if (wanted > last) {
    const { end } = businessDay(wanted, business);
    throw new Problem('period-open', {
      detail: `${wanted} is over at ${end.toISOString()}; the last closed day is ${last}.`,
    });
  }
  if (wanted < business.firstDate) {
    if (date === undefined)
      throw new Problem('period-open', { detail: `The first day, ${business.firstDate}, is not over.` });
    throw invalidField('path', '#/date', `lies before the first business day, ${business.firstDate}`);
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
    throw new Problem('wrong-state', { detail: `The settlement of ${date} ${run.state}: use retry.` });
  }
  if (await isRunning(deps.client, run.workflowId)) throw stillRunning(date);
  await launch(deps, tenantId, date, 'manual');
  return { run, done: false };
}

/** @throws Problem when an earlier day has to be retried first: nothing would come of settling the later one */
async function refuseBehindBlocked({ pool }: Deps, { tenantId, firstDate }: Business, date: string): Promise<void> {
  const last = await lastCompletedDate(pool, tenantId);
  const next = last === undefined ? firstDate : addDays(last, 1);
  if (next >= date) return;
  const state = (await findRun(pool, tenantId, next))?.state;
  if (state !== 'failed' && state !== 'needs_review') return;
  throw new Problem('wrong-state', {
    detail: `Days are settled in their order, and the settlement of ${next} ${state}: retry it first.`,
  });
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
    throw new Problem('wrong-state', {
      detail: `The settlement of ${date} is ${run.state}; only one that failed or needs a review can be retried.`,
    });
  }
  await launch(deps, tenantId, date, 'retry');
  return (await findRun(deps.pool, tenantId, date)) ?? run;
}

async function launch({ client, config }: Deps, tenantId: PublicId, upTo: string, how: 'manual' | 'retry') {
  try {
    await inTime(
      client.workflow.start(WORKFLOWS.settlementLauncher, {
        workflowId: settlementLauncherId(tenantId, upTo),
        taskQueue: config.WAYBILL_TASK_QUEUE,
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

function stillRunning(date: string): Problem {
  return new Problem('wrong-state', {
    detail: `The settlement of ${date} is running. Ask for it with GET /api/v2/finance/settlement/${date}.`,
    headers: { 'retry-after': '5' },
  });
}

async function isRunning(client: Client, workflowId: string): Promise<boolean> {
  try {
    return (await inTime(client.workflow.getHandle(workflowId).describe())).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
