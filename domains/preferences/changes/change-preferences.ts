import type { ExpectedVersion } from '../../../core/expected-version';
import { asId, newId, type PublicId } from '../../../core/ids';
import { TimedOut } from '../../../core/timeout';
import type { Platform } from '../../../infra/platform/platform';
import { databaseClock } from '../../../infra/postgres/followed-lists';
import { forgetDecisions } from '../denied';
import { preferenceMetrics } from '../metrics';
import { PreferenceRefusal } from '../refusals';
import type { PreferenceWish } from '../rules/change';
import type { ChangeCommand, CommitResult } from '../rules/change-command';
import { evidencePlace, subscriberKey } from '../sealing';
import { commitByWorkflow } from '../start';
import { findSubscriber } from '../store/subscribers';
import { commitChange } from './commit-change';
import { followSoon } from './open-follow-ups';
import { ANSWER_WITHIN_MS, AWAY_MS, COMMIT_WITHIN_MS } from './terms';

/** Whose preferences, who asks, and which versions they may have. */
export interface ChangeRequest {
  tenantId: PublicId;
  subscriberId: PublicId;
  /** An API key's id, or `one_click`. */
  actor: string;
  /** The same for every execution of a repeated request; a change happens once. */
  effectId?: PublicId;
  /** What proves that somebody wanted it, such as the form's text. */
  evidence?: Readonly<Record<string, string>> | undefined;
  expected?: ExpectedVersion | undefined;
}

/** A change that is committed. */
export interface CommittedPreferences {
  changeId: PublicId;
  /** The subscriber's version that it made. */
  version: number;
}

/** Since when, by `performance.now()`, Temporal is taken to be away; one a process. */
interface TemporalState {
  awayUntil: number;
}

function openTemporalState(_platform: Platform): TemporalState {
  return { awayUntil: Number.NEGATIVE_INFINITY };
}

/**
 * Changes what somebody wants to be sent. Once it resolves, no decision is taken by what was before.
 *
 * The change's workflow commits it, and goes on with what follows. While Temporal or its workers are away, it is committed
 * here, and the rest is carried out when they are back.
 *
 * @throws PreferenceRefusal when there is no such subscriber, category or topic, or the version is none of the expected ones
 */
export async function changePreferences(
  platform: Platform,
  { tenantId, subscriberId, actor, effectId, evidence, expected }: ChangeRequest,
  wish: PreferenceWish,
): Promise<CommittedPreferences> {
  const { pool, keyring } = platform;
  const subscriber = await findSubscriber(pool, tenantId, subscriberId);
  const ring = subscriber && subscriberKey(keyring, subscriber);
  if (ring === undefined) throw new PreferenceRefusal('no-such-subscriber');
  const changeId = effectId === undefined ? newId('prc') : asId('prc', effectId);
  const command: ChangeCommand = {
    ...wish,
    changeId,
    tenantId,
    subscriberId,
    actor,
    evidence:
      evidence === undefined
        ? null
        : ring.encrypt(JSON.stringify(evidence), evidencePlace(changeId)).toString('base64'),
    expected: expected ?? null,
    notAfter: Math.ceil(await databaseClock(pool)) + COMMIT_WITHIN_MS,
  };
  const byWorkflow = await throughTemporal(platform, command);
  const result = byWorkflow ?? (await commitChange(platform, command));
  if (result.outcome === 'refused') throw errorFrom(result);
  // Its workflow does so too, if this process cannot.
  await forgetDecisions(platform, [subscriberId]).catch(() => undefined);
  if (byWorkflow === undefined)
    followSoon(platform, { changeId, tenantId, summary: `${wish.kind} of ${subscriberId}` });
  const by = byWorkflow === undefined ? 'request' : 'workflow';
  platform.metrics.of(preferenceMetrics).changes.inc({ kind: wish.kind, committed_by: by });
  return { changeId, version: result.version };
}

async function throughTemporal(platform: Platform, command: ChangeCommand): Promise<CommitResult | undefined> {
  const state = platform.once(openTemporalState);
  if (performance.now() < state.awayUntil) return undefined;
  try {
    const result = await commitByWorkflow(platform, command, ANSWER_WITHIN_MS);
    // It was begun by an earlier execution of the request, which has given up.
    return result?.outcome === 'refused' && result.code === 'too-late' ? undefined : result;
  } catch (error) {
    state.awayUntil = performance.now() + AWAY_MS;
    const { changeId } = command;
    platform.log.warn({ err: error, changeId }, 'a change of preferences is committed without its workflow');
    return undefined;
  }
}

function errorFrom({ code, detail, field, version }: Extract<CommitResult, { outcome: 'refused' }>): Error {
  if (code === 'too-late') return new TimedOut(detail);
  return new PreferenceRefusal(code, detail, { ...(field === undefined ? {} : { field }), version });
}
