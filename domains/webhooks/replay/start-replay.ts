import { asId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { appendAudit } from '../../audit';
import { WebhookRefusal } from '../refusals';
import { startReplayWorkflow } from '../start';
import { findEndpoint, ownsEndpoint } from '../store/endpoints';
import { findReplay, insertReplay, type NewReplay, type Replay } from '../store/replays';
import { countReplay, type ReplayCount } from './count-replay';

/** What is wanted of a job, whoever wants it. */
export type ReplayWish = Omit<NewReplay, 'id' | 'tenantId' | 'actor'>;

/**
 * Stores a job, with an entry in the audit log, and starts its workflow. If Temporal cannot be reached the sweep starts it.
 *
 * @param by - whose request it is; `keyId` goes into the audit log
 * @throws WebhookRefusal when there is no such endpoint, or deliveries are to be replayed to a disabled one
 */
export async function startReplay(
  platform: Platform,
  by: Effect & { keyId: PublicId },
  wish: ReplayWish,
): Promise<Replay> {
  const { tenantId, keyId } = by;
  const { pool, log } = platform;
  const id = asId('rpl', by.effectId);
  const known = await findReplay(pool, tenantId, id);
  if (known === undefined) {
    await refuseUnusable(platform, tenantId, wish);
    await inTransaction(pool, async (db) => {
      await by.fence(db);
      if (!(await insertReplay(db, { ...wish, id, tenantId, actor: keyId }))) return;
      const { action, source, endpointId, filter, reason } = wish;
      const asked = action === 'discard' ? 'dead_letters.discard_requested' : 'deliveries.replay_requested';
      const payload = { source, endpointId, filter, reason };
      await appendAudit(db, tenantId, { actor: keyId, action: asked, subject: id, payload });
    });
  }
  await startReplayWorkflow(platform, { id, tenantId, endpointId: wish.endpointId }).catch((error: unknown) =>
    log.warn({ err: error, replayId: id }, 'could not start the workflow of a replay'),
  );
  const replay = await findReplay(pool, tenantId, id);
  if (replay === undefined) throw new WebhookRefusal('no-such-replay');
  return replay;
}

/** Counts what {@link startReplay} would do, with the same refusals. */
export async function tryReplay(platform: Platform, tenantId: PublicId, wish: ReplayWish): Promise<ReplayCount> {
  await refuseUnusable(platform, tenantId, wish);
  return countReplay(platform.reads, { ...wish, tenantId });
}

async function refuseUnusable(
  { pool }: Platform,
  tenantId: PublicId,
  { action, endpointId }: ReplayWish,
): Promise<void> {
  if (endpointId === undefined) return;
  // What a deleted endpoint has left can still be discarded.
  if (action === 'discard') {
    if (!(await ownsEndpoint(pool, tenantId, endpointId))) throw new WebhookRefusal('no-such-endpoint');
    return;
  }
  const endpoint = await findEndpoint(pool, tenantId, endpointId);
  if (endpoint === undefined) throw new WebhookRefusal('no-such-endpoint');
  if (endpoint.state === 'disabled') {
    throw new WebhookRefusal('endpoint-disabled', 'A disabled endpoint gets nothing: enable it first.');
  }
}
