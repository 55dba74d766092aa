import type { PublicId } from '../../core/ids';
import type { Platform } from '../../infra/platform/platform';
import { type Decision, decide } from './rules/decide';
import { type DecisionPlace, type KnownFacts, readFacts } from './store/decision';
import { readVersions } from './store/subscribers';

/** A denial is kept for so long: that is how long it may outlive its reason when Redis loses what was forgotten. */
const KEPT_S = 30;

/** The field with the least version whose denials may be kept: what was read before a change must not come back after it. */
const FLOOR = 'floor';

const KEEP = `
local floor = redis.call('HGET', KEYS[1], '${FLOOR}')
if floor and tonumber(floor) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ${KEPT_S})
return 1`;

type Deps = Pick<Platform, 'redis' | 'reads' | 'pool'>;

/**
 * Decides as of now, for whoever only wants to know. Denials may be answered from what is kept of them; what is allowed is
 * always looked up.
 *
 * @returns `undefined` when the tenant has no such subscriber
 */
export async function checkDecision(platform: Deps, place: DecisionPlace): Promise<Decision | undefined> {
  const kept = await readKept(platform, place);
  if (kept !== undefined) return kept;
  const facts = await readFacts(platform.reads, place, false);
  if (facts === undefined) return undefined;
  const decision = decide({ ...facts, at: facts.now });
  if (decision.decision === 'deny' && isLasting(facts)) await keep(platform, place, decision);
  return decision;
}

/** Forgets denials of these subscribers, after a change. Redis may be away: then they are forgotten in half a minute. */
export async function forgetDecisions({ redis, pool }: Deps, ids: readonly PublicId[]): Promise<void> {
  if (redis?.status !== 'ready' || ids.length === 0) return;
  const forgetting = redis.multi();
  for (const [id, version] of await readVersions(pool, ids)) {
    forgetting.del(keyOf(id)).hset(keyOf(id), FLOOR, version).expire(keyOf(id), KEPT_S);
  }
  await forgetting.exec().catch(() => undefined);
}

/** Whether no suppression ends before the denial is forgotten. */
function isLasting({ suppressions, now }: KnownFacts): boolean {
  return suppressions.every(({ expiresAt }) => expiresAt === null || expiresAt > now + KEPT_S * 1_000);
}

async function readKept({ redis }: Deps, place: DecisionPlace): Promise<Decision | undefined> {
  if (redis?.status !== 'ready') return undefined;
  const text = await redis.hget(keyOf(place.subscriberId), fieldOf(place)).catch(() => null);
  return text === null ? undefined : (JSON.parse(text) as Decision);
}

async function keep({ redis }: Deps, place: DecisionPlace, decision: Decision): Promise<void> {
  if (redis?.status !== 'ready') return;
  const { version } = decision;
  const key = keyOf(place.subscriberId);
  await redis.eval(KEEP, 1, key, fieldOf(place), version, JSON.stringify(decision)).catch(() => undefined);
}

function keyOf(subscriberId: PublicId): string {
  return `denied:${subscriberId}`;
}

/** Names the tenant too: another one's question about the subscriber finds nothing. */
function fieldOf({ tenantId, channel, topic, category, destinationId }: DecisionPlace): string {
  return JSON.stringify([tenantId, channel, topic ?? null, category ?? null, destinationId ?? null]);
}
