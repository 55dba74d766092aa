import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { RoundReport, WebhookActivities } from '../../activities/webhooks';
import { CANCEL, MAX_DELIVERIES_PER_WORKFLOW, PROGRESS, RETRY_NOW } from '../../domains/webhooks/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { describeProgress } from './webhook-delivery-details';

/** What starts a `webhookDelivery`: ids only, no payload and no secret. */
export interface WebhookDeliveryInput {
  /** Deliveries that were not final when the workflow was started. */
  open: string[];
  /** How many of the batch had ended before, by state; mostly delivered. Running workflows know it by this name. */
  settled: Record<string, number>;
  /** Deliveries that somebody asked to attempt now. */
  insisted?: string[];
}

/** Where the batch stands: deliveries by state, and when the next attempt is due (RFC 3339), if one is. */
export interface DeliveryProgress {
  counts: Record<string, number>;
  nextAttemptAt: string | null;
}

/** The second argument says that the process which took the command attempts them already. */
export const retryNow = defineUpdate<{ due: number }, [string[], boolean?]>(RETRY_NOW);
export const cancel = defineUpdate<{ cancelled: number }, [string[]]>(CANCEL);
export const progress = defineQuery<DeliveryProgress>(PROGRESS);

const { attemptRound } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '3 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

const { makeDue, cancelDeliveries } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '250 milliseconds', maximumInterval: '5 seconds' },
});

/** A timer of the server may be half a second late; a round waits that long for what is due then. */
const AHEAD_MS = 700;

/** The longest sleep before the deliveries are looked at again. */
const LONGEST_SLEEP_MS = 24 * 3_600_000;

/**
 * Finishes a batch of deliveries: makes the attempts that are due, sleeps until the next one is, and ends when each
 * delivery is delivered, dead, cancelled or held. The database decides what is due; this workflow makes sure that
 * somebody looks.
 */
export async function webhookDelivery(input: WebhookDeliveryInput): Promise<Record<string, number>> {
  const batch = new Batch(input);

  setHandler(progress, () => batch.progress(), {
    description: 'Deliveries by state, and when the next attempt is due',
  });
  setHandler(
    retryNow,
    async (deliveryIds, attempted = false) => {
      if (attempted) {
        batch.add(deliveryIds, 0);
        return { due: 0 };
      }
      batch.insist(deliveryIds);
      const due = await makeDue(deliveryIds);
      batch.add(deliveryIds, due);
      return { due };
    },
    { description: 'Attempt these waiting deliveries (ids) now', validator: validateIds },
  );
  setHandler(
    cancel,
    async (deliveryIds) => {
      const cancelled = await cancelDeliveries(deliveryIds);
      batch.wake();
      return { cancelled };
    },
    { description: 'End these waiting deliveries (ids) without a further attempt', validator: validateIds },
  );

  await batch.run();
  await condition(allHandlersFinished);
  if (batch.hasOpen) return continueAsNew<typeof webhookDelivery>(batch.rest());
  return batch.finish();
}

/** The batch's state for `WaybillState`: the one that an operator should see first. */
function stateOf(counts: Record<string, number>): string {
  if ((counts.open ?? 0) > 0) return 'retrying';
  const worst = ['dead', 'held'].find((state) => (counts[state] ?? 0) > 0);
  if (worst !== undefined) return worst;
  if ((counts.delivered ?? 0) > 0) return 'delivered';
  return ['cancelled', 'moved'].find((state) => (counts[state] ?? 0) > 0) ?? 'delivered';
}

const DELIVERY_ID = /^dlv_[0-9a-f]{32}$/;

function validateIds(deliveryIds: string[], _attempted?: boolean): void {
  const right =
    Array.isArray(deliveryIds) && deliveryIds.length > 0 && deliveryIds.length <= MAX_DELIVERIES_PER_WORKFLOW;
  if (!right || !deliveryIds.every((id) => typeof id === 'string' && DELIVERY_ID.test(id))) {
    throw new Error(`expected 1 to ${MAX_DELIVERIES_PER_WORKFLOW} delivery ids (dlv_…)`);
  }
}

/** The deliveries of one workflow, and what is known of them. */
class Batch {
  /** Ids by lane: one for all, and one for each endpoint that was found slow, so that it delays nobody else. */
  readonly #lanes: Set<string>[] = [];
  readonly #reports = new Map<Set<string>, RoundReport>();
  readonly #ended: Record<string, number>;
  /** Every delivery that this run has attended to. */
  readonly #known: Set<string>;
  /** Deliveries to attempt in the next round whatever is known of their endpoints. */
  #insisted: string[];
  #wakes = 0;
  #state = '';

  constructor(input: WebhookDeliveryInput) {
    this.#ended = { ...input.settled };
    this.#known = new Set(input.open);
    this.#insisted = input.insisted ?? [];
    this.#lanes.push(new Set(input.open));
  }

  get hasOpen(): boolean {
    return this.#lanes.some((lane) => lane.size > 0);
  }

  add(deliveryIds: string[], due: number): void {
    const first = this.#lanes[0];
    for (const id of deliveryIds) {
      if (this.#lanes.some((lane) => lane.has(id))) continue;
      // One that has ended here and was not revived is counted already.
      if (due === 0 && this.#known.has(id) && patched('retry-skips-ended')) continue;
      this.#known.add(id);
      first?.add(id);
      // A delivery that comes back was a dead letter.
      const dead = this.#ended.dead ?? 0;
      if (due > 0 && dead > 1) this.#ended.dead = dead - 1;
      else if (due > 0) delete this.#ended.dead;
    }
    this.wake();
  }

  insist(deliveryIds: string[]): void {
    this.#insisted.push(...deliveryIds);
  }

  wake(): void {
    this.#wakes++;
  }

  /** Returns when nothing is open, or the history has grown so long that a new run must take the rest. */
  async run(): Promise<void> {
    const first = this.#lanes[0];
    if (first === undefined) return;
    if (first.size > 0) await this.#runLane(first);
    this.#show();
    // An update may bring a delivery back between the last look and the end.
    while (first.size > 0 && !workflowInfo().continueAsNewSuggested) await this.#runLane(first);
  }

  rest(): WebhookDeliveryInput {
    return { open: this.#lanes.flatMap((lane) => [...lane]), settled: this.#ended };
  }

  finish(): Record<string, number> {
    this.#show();
    return this.progress().counts;
  }

  progress(): DeliveryProgress {
    const counts = { ...this.#ended };
    let nextAttemptAt: string | null = null;
    for (const report of this.#reports.values()) {
      if (report.nextAttemptAt !== null && (nextAttemptAt === null || report.nextAttemptAt < nextAttemptAt)) {
        nextAttemptAt = report.nextAttemptAt;
      }
    }
    const open = this.#lanes.reduce((sum, lane) => sum + lane.size, 0);
    if (open > 0) counts.open = open;
    return { counts, nextAttemptAt };
  }

  async #runLane(lane: Set<string>): Promise<void> {
    const separated: Promise<void>[] = [];
    while (lane.size > 0 && !workflowInfo().continueAsNewSuggested) {
      const wakes = this.#wakes;
      const report = await this.#round(lane);
      this.#reports.set(lane, report);
      this.#take(lane, report);
      for (const ids of this.#separate(lane, report)) separated.push(this.#runLane(ids));
      this.#show();
      if (lane.size === 0 || report.more) continue;
      await this.#sleep(report.nextInMs, wakes);
    }
    this.#reports.delete(lane);
    await Promise.all(separated);
  }

  #round(lane: Set<string>): Promise<RoundReport> {
    const insisted = this.#insisted.filter((id) => lane.has(id));
    if (insisted.length === 0) return attemptRound([...lane]);
    this.#insisted = this.#insisted.filter((id) => !lane.has(id));
    return attemptRound([...lane], insisted);
  }

  #take(lane: Set<string>, report: RoundReport): void {
    const open = new Set(report.open.map((delivery) => delivery.id));
    for (const id of [...lane]) if (!open.has(id)) lane.delete(id);
    for (const [state, count] of Object.entries(report.settled)) {
      this.#ended[state] = (this.#ended[state] ?? 0) + count;
    }
  }

  #separate(lane: Set<string>, report: RoundReport): Set<string>[] {
    const endpoints = new Set(report.open.map((delivery) => delivery.endpointId));
    if (endpoints.size < 2) return [];
    return report.slowEndpointIds.flatMap((endpointId) => {
      const ids = new Set(report.open.filter((delivery) => delivery.endpointId === endpointId).map(({ id }) => id));
      if (ids.size === 0) return [];
      for (const id of ids) lane.delete(id);
      this.#lanes.push(ids);
      return [ids];
    });
  }

  async #sleep(ms: number, wakesBefore: number): Promise<void> {
    const bounded = Math.min(Math.max(ms - AHEAD_MS, 1), LONGEST_SLEEP_MS);
    await condition(() => this.#wakes !== wakesBefore, bounded);
  }

  #show(): void {
    const { counts, nextAttemptAt } = this.progress();
    const state = stateOf(counts);
    if (state !== this.#state) {
      this.#state = state;
      upsertSearchAttributes([{ key: WAYBILL_STATE, value: state }]);
    }
    setCurrentDetails(describeProgress(counts, nextAttemptAt, [...this.#reports.values()]));
  }
}
