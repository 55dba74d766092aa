import { GroupCommit } from '../../../core/group-commit';
import { isId, newId, type PublicId, timeOfId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { isItemFault } from '../../../infra/postgres/errors';
import { inboundMetrics, type RefusalReason } from '../metrics';
import { SignatureRefused } from '../refusals';
import { identify } from '../rules/event-id';
import { keptHeaders } from '../rules/route';
import { readSns } from '../rules/sns';
import { pretendToVerify, type SignedRequest } from '../rules/verify';
import { type Acceptance, findByKey, type NewEvent, storeEvents } from '../store/accept';
import { NO_SOURCE } from '../store/refusals';
import type { InboundSource } from '../store/sources';
import { openBlocks } from './blocks';
import { createInboundCover } from './cover';
import { judge } from './judge';
import { openSns } from './sns';
import { createSourceCache, type KnownSource } from './source-cache';

const MAX_BATCH = 200;
const COMMITS_IN_FLIGHT = 2;
/** Most bytes of bodies in one commit; Postgres holds a batch in memory more than once. */
const COMMIT_BYTES = 1_000_000;
const MAX_WAITING = 20_000;
const MAX_WAITING_BYTES = 64_000_000;

/** A source that changes, or an event that is removed, while it is looked at is looked at again, so often at most. */
const MAX_LOOKS = 5;

/** A request to a source, nothing of it parsed or believed. */
export interface InboundRequest extends SignedRequest {
  /** As the path has it; it may be anything. */
  sourceId: string;
  /** Whom refusals are counted for. */
  address: string;
}

/** The event that a request stands for. */
export interface Received {
  id: PublicId;
  /** Whether the source had sent it before. */
  repeated: boolean;
}

/** Takes inbound webhooks: verifies them, and makes them durable by group commit. */
export interface Receiving {
  /**
   * Resolves once the event is durable.
   *
   * @throws SignatureRefused whatever is wrong: the source, the signature, its time, or too many refusals before
   * @throws SnsUnreachable
   */
  receive(request: InboundRequest): Promise<Received>;
}

/** Opens it, once per process. What it has accepted is stored, and given to workflows, before the process closes. */
export function openReceiving(platform: Platform): Receiving {
  const { pool, log } = platform;
  const metrics = platform.metrics.of(inboundMetrics);
  const blocks = platform.once(openBlocks);
  const sources = createSourceCache(platform);
  // Few have sources that need it.
  const sns = () => platform.once(openSns);
  const cover = createInboundCover(platform, {
    ownWorkflowsPerSecond: platform.config.WAYBILL_OWN_WORKFLOWS_PER_SECOND,
    log,
  });
  const commits = new GroupCommit<Omit<NewEvent, 'workflowId'>, Acceptance>({
    maxBatch: MAX_BATCH,
    maxInFlight: COMMITS_IN_FLIGHT,
    maxWaiting: MAX_WAITING,
    weigh: { of: ({ body }) => body.length, maxBatchWeight: COMMIT_BYTES },
    size: { of: ({ body }) => body.length, maxWaiting: MAX_WAITING_BYTES },
    // No tenant's burst is in another's way, and no source's in that of its tenant's others.
    groupOf: ({ sourceId }) => sourceId,
    isItemFault,
    onBatch: (size) => metrics.batchSize.observe(size),
    commit,
  });
  platform.onClose(async () => {
    await commits.drain();
    await cover.drain();
  });

  async function commit(items: readonly Omit<NewEvent, 'workflowId'>[]): Promise<Acceptance[]> {
    const events = items.map((item) => ({ ...item, workflowId: cover.assign(item) }));
    let results: Acceptance[] = [];
    try {
      results = await storeEvents(pool, events);
      return results;
    } finally {
      for (const [index, event] of events.entries()) cover.report(event, results[index] === 'stored');
    }
  }

  async function refuse(sourceId: PublicId, address: string, reason: RefusalReason): Promise<never> {
    metrics.requests.inc({ outcome: 'refused' });
    metrics.refusals.inc({ reason });
    await blocks.count(sourceId, address);
    throw new SignatureRefused();
  }

  function refuseBlocked(): never {
    metrics.requests.inc({ outcome: 'blocked' });
    throw new SignatureRefused();
  }

  /** The source, and that the request is from it, by what Postgres has now or did when the source was last read. */
  async function verified(
    request: InboundRequest,
    fresh: boolean,
  ): Promise<{ known: KnownSource; signedAtMs: number | undefined }> {
    const { sourceId, address } = request;
    if (!isId('src', sourceId)) {
      pretendToVerify(request.body);
      return refuse(NO_SOURCE, address, 'unknown-source');
    }
    const cached = fresh ? undefined : sources.cached(sourceId);
    const first = cached && (await judge(sns, cached, request));
    if (cached !== undefined && first?.ok === true) return { known: cached, signedAtMs: first.signedAtMs };
    const known = await sources.read(sourceId);
    if (known === undefined) {
      if (cached === undefined) pretendToVerify(request.body);
      return refuse(NO_SOURCE, address, 'unknown-source');
    }
    // Once more only if there is something new, so that refusals take as long as each other.
    const isSame = known.source.revision === cached?.source.revision;
    const verdict = first !== undefined && isSame ? first : await judge(sns, known, request);
    if (verdict.ok) return { known, signedAtMs: verdict.signedAtMs };
    return refuse(sourceId, address, verdict.fault);
  }

  /** Before it is stored: if SNS cannot be reached, it tells of the subscription again. */
  async function confirmOnce(sourceId: PublicId, key: Buffer, body: Buffer): Promise<void> {
    const confirmUrl = readSns(body)?.confirmUrl;
    if (confirmUrl === undefined || (await findByKey(pool, sourceId, key)) !== undefined) return;
    await sns().confirm(confirmUrl);
    log.info({ sourceId }, 'a subscription of a source of SNS is confirmed');
  }

  return {
    async receive(request) {
      const { sourceId, address, headers, body } = request;
      if (blocks.isBlocked(sourceId, address)) refuseBlocked();
      for (let look = 0; look < MAX_LOOKS; look++) {
        const { known, signedAtMs } = await verified(request, look > 0);
        const { source } = known;
        const identity = identify(source, { headers, body, signedAtMs });
        if (source.scheme === 'sns') await confirmOnce(source.id, identity.key, body);
        const id = newId('inb');
        const acceptance = await commits.add({
          id,
          tenantId: source.tenantId,
          sourceId: source.id,
          revision: source.revision,
          address,
          ...identity,
          headers: keptHeaders(headers, namesReadBy(source)),
          body,
          createdAt: new Date(timeOfId(id)),
        });
        if (acceptance === 'blocked') refuseBlocked();
        if (acceptance === 'stored') {
          metrics.requests.inc({ outcome: 'accepted' });
          return { id, repeated: false };
        }
        const first = acceptance === 'repeated' ? await findByKey(pool, source.id, identity.key) : undefined;
        if (first !== undefined) {
          metrics.requests.inc({ outcome: 'repeated' });
          return { id: first, repeated: true };
        }
      }
      throw new Error('a source changed again and again while a request to it was looked at');
    },
  };
}

/** Headers that the source's settings name. */
function namesReadBy({ eventId, signing, route }: InboundSource): (string | undefined)[] {
  const kindFrom = route.to === 'endpoints' ? route.kindFrom : undefined;
  return [
    eventId.from === 'header' ? eventId.header : undefined,
    kindFrom?.from === 'header' ? kindFrom.header : undefined,
    signing?.timestampHeader,
  ];
}
