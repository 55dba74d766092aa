import { fromUuid, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { goOnInOrder } from '../ordering/go-on';
import { findWaitingEndpoints } from '../store/replay-moves';
import { noteProgress, type Replay, type ReplayState } from '../store/replays';
import { doneOf, etaSeconds } from './eta';
import { replayStepTold } from './replay-step';

/** Where a job stands after a round, for its workflow. */
export interface ReplayReport {
  state: ReplayState | 'gone';
  total: number | null;
  /** Attempted again, discarded or skipped. */
  done: number;
  moved: number;
  skipped: number;
  waiting: number;
  /** Brought back when it was cancelled; absent in reports of earlier versions. */
  returned?: number;
  /** Done a second, as last measured. */
  rate: number | null;
  etaSeconds: number | null;
}

export interface RoundDeps {
  platform: Platform;
  /** Says that the round is alive. */
  beat(): void;
  /** Rejects when the round is cancelled. */
  sleep(ms: number): Promise<void>;
}

const BUDGET_MS = 3_000;
const PAUSE_MS = 100;
/** So many turns in a row without anything to do: everybody's room is used. */
const IDLE_TURNS = 20;
/** Longer than the workflow sleeps. */
const ATTENDED_MS = 120_000;
const TOLD_AT_ONCE = 20;

/** Goes on with a job for some seconds, and says where it stands. What it does is in the database, step by step. */
export async function replayRound({ platform, beat, sleep }: RoundDeps, replayId: PublicId): Promise<ReplayReport> {
  const { pool } = platform;
  const backlogs = openBacklogs(platform);
  const began = Date.now();
  const opening = await noteProgress(pool, replayId, ATTENDED_MS);
  if (opening === undefined) return GONE;
  const { tenantId } = opening;
  let idle = 0;
  for (let goesOn = true; goesOn && Date.now() - began < BUDGET_MS; ) {
    beat();
    const step = await replayStepTold(platform, replayId);
    goesOn = step.goesOn;
    if (step.filled !== undefined) backlogs.tell({ endpointId: step.filled, tenantId });
    for (const endpointId of step.lines ?? []) goOnInOrder(platform, { endpointId, tenantId });
    idle = step.worked ? 0 : idle + 1;
    if (goesOn && idle > 0 && (idle === 1 || idle >= IDLE_TURNS)) await sleep(PAUSE_MS);
  }
  const replay = await noteProgress(pool, replayId, ATTENDED_MS);
  if (replay === undefined) return GONE;
  // A backlog's workflow may have ended just before it got more, and nobody told it.
  if (replay.waiting > 0) {
    for (const endpoint of await findWaitingEndpoints(pool, replayId, TOLD_AT_ONCE)) {
      backlogs.tell({ endpointId: fromUuid('ep', endpoint), tenantId });
    }
  }
  return reportOf(replay);
}

const GONE: ReplayReport = {
  state: 'gone',
  total: null,
  done: 0,
  moved: 0,
  skipped: 0,
  waiting: 0,
  rate: null,
  etaSeconds: null,
};

function reportOf(replay: Replay): ReplayReport {
  const { state, total, moved, skipped, waiting, returned, rate } = replay;
  return {
    state,
    total: total ?? null,
    done: doneOf(replay),
    moved,
    skipped,
    waiting,
    returned,
    rate: rate ?? null,
    etaSeconds: etaSeconds(replay) ?? null,
  };
}
