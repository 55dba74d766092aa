import type { Pool } from 'pg';
import { isId, type PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type AuditPosition, auditEnd, CHAIN_START, type CheckedEntry, checkAuditPage } from '../../audit';
import { inIndexOrder } from '../../ledger';
import { anchorOf, COMPLETED } from '../rules/completion';
import { SEAL_START, type SealProgress } from '../rules/seal';
import { beginAt, brokenBy, type Finding, type Place, passed, type VerificationProgress } from '../rules/verification';
import { runsNotInLog } from '../store/settlement-proofs';
import { type CompletionEntry, verifyItems, verifyRun } from './verify-run';

/** Entries read at once. */
const PAGE = 500;
const MAX_FINDINGS = 100;

export interface VerifyRequest {
  /** A place that the log is known to have had. */
  expected?: AuditPosition | undefined;
  /** Where an earlier request left off. */
  progress?: VerificationProgress | undefined;
  /** After how many entries at the latest to stop. */
  limit?: number | undefined;
  /** After how many milliseconds to stop. At least one step is taken. Default: 5,000. */
  budgetMs?: number;
}

/** What a verification found. */
export interface Verification {
  /** Null as long as nothing was found and something is left to do. */
  verified: boolean | null;
  /** How many entries of the log are valid, from the first on without a gap. */
  entries: number;
  /** The last valid entry. */
  head: Place | undefined;
  /** The first entry that was changed or is missing. */
  brokenAt: number | undefined;
  /** What was found by this request, a hundred at most. */
  findings: Finding[];
  /** What to go on with; undefined when everything was looked at. */
  next: VerificationProgress | undefined;
}

/**
 * Verifies that a tenant's audit log is whole, and that every settled day is what the log says: its run, statements,
 * transactions and reserves, against each other and the ledger. Bounded in time and memory: a long log takes several
 * requests.
 */
export async function verifyFinances(
  { pool }: { pool: Pool },
  tenantId: PublicId,
  request: VerifyRequest = {},
): Promise<Verification> {
  const db = inIndexOrder(pool);
  const state = openState(request);
  // Before the entries are read: more may be added meanwhile.
  const { head } = await auditEnd(db, tenantId);
  const known = [state.progress.expected, head === undefined ? null : anchorOf(head)].filter((place) => place !== null);
  for (;;) {
    const { at } = state.progress;
    const after = { seq: at.seq, hash: Buffer.from(at.hash, 'hex') };
    const { checked, end } = await checkAuditPage(db, tenantId, after, PAGE);
    for (const entry of checked) {
      if (state.isOver()) return state.interrupted();
      lookAt(state, entry, known);
      const completion = completionOf(entry);
      if (completion !== undefined && !(await verifyDay(state, { pool, db, tenantId }, completion))) {
        return state.interrupted();
      }
      state.pass(anchorOf(entry.entry));
    }
    if (end) break;
  }
  const last = state.progress.at.seq;
  if (known.some(({ seq }) => seq > last)) state.broken(last + 1, 'missing');
  await lookAtEnd(state, db, tenantId);
  return state.done();
}

/** What a verification has found, and whether it may go on. */
type State = ReturnType<typeof openState>;

function openState({ expected, progress: earlier, limit, budgetMs = 5_000 }: VerifyRequest) {
  const until = performance.now() + budgetMs;
  const findings: Finding[] = [];
  let progress = earlier ?? beginAt(anchorOf(CHAIN_START), expected === undefined ? null : anchorOf(expected));
  let passes = 0;
  const found = (finding: Finding) => {
    progress = { ...progress, bad: true };
    if (findings.length < MAX_FINDINGS) findings.push(finding);
  };
  const verdict = () => {
    const { valid, brokenAt } = progress;
    const head = valid.seq === 0 ? undefined : valid;
    return { entries: valid.seq, head, brokenAt: brokenAt ?? undefined, findings };
  };
  return {
    get progress() {
      return progress;
    },
    found,
    broken(seq: number, problem: string) {
      progress = brokenBy(progress, seq);
      found({ seq, subject: 'entry', problem });
    },
    pass(place: Place) {
      progress = passed(progress, place);
      passes++;
    },
    passItems(items: SealProgress) {
      progress = { ...progress, items };
    },
    /** After a step: whether no other may follow. */
    isOver: () => passes >= (limit ?? Number.POSITIVE_INFINITY) || (passes > 0 && performance.now() > until),
    isLate: () => performance.now() > until,
    done: (): Verification => ({ ...verdict(), verified: !progress.bad, next: undefined }),
    interrupted: (): Verification => ({ ...verdict(), verified: progress.bad ? false : null, next: progress }),
  };
}

function lookAt(state: State, { entry, faults }: CheckedEntry, known: readonly Place[]): void {
  for (const { seq, problem } of faults) state.broken(seq, problem);
  const isOther = ({ seq, hash }: Place) => seq === entry.seq && hash !== entry.hash.toString('hex');
  if (faults.length === 0 && known.some(isOther)) state.broken(entry.seq, 'not the one that was there before');
}

/** @returns whether the day was verified to its end */
async function verifyDay(
  state: State,
  { pool, db, tenantId }: { pool: Pool; db: Queryable; tenantId: PublicId },
  entry: CompletionEntry,
): Promise<boolean> {
  const found = (problem: string) => state.found({ seq: entry.seq, subject: entry.runId, problem });
  let { items } = state.progress;
  if (items === null) {
    const problems = await verifyRun(pool, db, tenantId, entry);
    if (problems === 'superseded') return true;
    for (const problem of problems) found(problem);
  }
  for (items ??= SEAL_START; ; ) {
    const { progress, problems } = await verifyItems(db, tenantId, entry, items);
    for (const problem of problems) found(problem);
    if (progress === undefined) return true;
    items = progress;
    state.passItems(items);
    if (state.isLate()) return false;
  }
}

/** What can be said only once all entries are known. */
async function lookAtEnd(state: State, db: Queryable, tenantId: PublicId): Promise<void> {
  const { head } = await auditEnd(db, tenantId);
  const added = head?.seq ?? 0;
  if (state.progress.at.seq > added)
    state.broken(added + 1, 'not added by Waybill, or the head of the log was removed');
  for (const { id, seq } of await runsNotInLog(db, tenantId, MAX_FINDINGS)) {
    state.found({ seq, subject: id, problem: 'the log does not have the entry that completed it' });
  }
}

/** The entry of a day that was completed, unless it was changed. */
function completionOf({ entry, faults }: CheckedEntry): CompletionEntry | undefined {
  if (faults.length > 0 || entry.action !== COMPLETED || !isId('set', entry.subject)) return undefined;
  const payload: unknown = JSON.parse(entry.payload);
  const isRecord = typeof payload === 'object' && payload !== null;
  return { seq: entry.seq, runId: entry.subject, payload: isRecord ? { ...payload } : {} };
}
