import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { readSlice, type Selection } from '../store/replay-selection';
import { readEndpoints } from '../store/replay-targets';
import type { NewReplay } from '../store/replays';

const BUDGET_MS = 3_000;
const SLICE = 5_000;
const ENDPOINTS_AT_ONCE = 500;

/** How many deliveries a job would move. */
export interface ReplayCount {
  count: number;
  /** Whether all were counted within the time that a request may take; otherwise there are more. */
  complete: boolean;
}

/** Counts what a job would move if it began now, by the same walk; nothing is changed. */
export async function countReplay(
  db: Queryable,
  replay: Pick<NewReplay, 'tenantId' | 'action' | 'source' | 'endpointId' | 'filter'>,
): Promise<ReplayCount> {
  const { tenantId, action, source, endpointId, filter } = replay;
  const until = Date.now() + BUDGET_MS;
  const total: ReplayCount = { count: 0, complete: true };

  async function walk(scope: Selection['scope']): Promise<void> {
    let after: string | undefined;
    do {
      if (Date.now() > until) {
        total.complete = false;
        return;
      }
      const slice = await readSlice(db, { action, source, scope, filter, askedAt: undefined }, after, SLICE);
      total.count += slice.filter(({ matches }) => matches).length;
      after = slice.length < SLICE ? undefined : slice.at(-1)?.key;
    } while (after !== undefined);
  }

  if (endpointId !== undefined) await walk({ column: 'endpoint_id', id: endpointId });
  else if (action === 'discard') await walk({ column: 'tenant_id', id: tenantId });
  else for await (const id of endpointsOf(db, tenantId)) await walk({ column: 'endpoint_id', id });
  return total;
}

async function* endpointsOf(db: Queryable, tenantId: PublicId): AsyncGenerator<PublicId> {
  for (let after: string | undefined; ; ) {
    const page = await readEndpoints(db, tenantId, after, ENDPOINTS_AT_ONCE);
    for (const { id, usable } of page) if (usable) yield `ep_${id.replaceAll('-', '')}`;
    if (page.length < ENDPOINTS_AT_ONCE) return;
    after = page.at(-1)?.id;
  }
}
