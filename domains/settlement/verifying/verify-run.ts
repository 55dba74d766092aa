import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { periodOf } from '../rules/completion';
import { sumUpDay } from '../rules/day-totals';
import { SEALED_PAGE, type SealProgress, sealed } from '../rules/seal';
import { disprove, itemsNotInLedger } from '../store/settlement-proofs';
import { NO_MERCHANT, REPORT_OPTIONS, readStatements } from '../store/settlement-records';
import { findRunById, type SettlementRun } from '../store/settlement-runs';
import { hashItems, hashReserves } from '../store/settlement-seals';

const STATEMENTS = 1_000;

/** The entry of the audit log that completed a settlement. */
export interface CompletionEntry {
  seq: number;
  runId: PublicId;
  payload: Record<string, unknown>;
}

/**
 * Holds everything of a settled day but its items against the entry that completed it.
 *
 * @returns what differs; `superseded` when a later entry is the one to hold it against: the database had been restored to
 *   before the day was completed, and it was settled again
 */
export async function verifyRun(
  pool: Pool,
  db: Queryable,
  tenantId: PublicId,
  entry: CompletionEntry,
): Promise<string[] | 'superseded'> {
  const run = await findRunById(db, tenantId, entry.runId);
  if (run?.audit !== undefined && run.audit.seq > entry.seq) return 'superseded';
  if (run?.state !== 'completed') return [`the settlement is ${run?.state ?? 'gone'}`];
  const problems = differences(run, entry.payload);
  if ((await hashOfStatements(db, run.id)) !== entry.payload.totalsHash) {
    problems.push('statements are not what they were when the day was completed');
  }
  const { reservesHash } = entry.payload;
  if (reservesHash !== undefined && (await hashReserves(db, run.id)) !== reservesHash) {
    problems.push('what is held back is not what it was when the day was completed');
  }
  const disproved = await inTransaction(pool, async (client) => {
    await client.query(REPORT_OPTIONS);
    return disprove(client, tenantId, run.id);
  });
  for (const { problem, count, example } of disproved) problems.push(`${problem}: ${count}, such as ${example}`);
  return problems;
}

/** Fields of the run that differ from its entry. Entries of earlier versions have fewer. */
function differences(run: SettlementRun, payload: Record<string, unknown>): string[] {
  const now: Record<string, unknown> = {
    ...periodOf(run),
    attempt: run.attempt,
    totalsHash: run.totalsHash,
    items: String(run.itemCount ?? 0n),
    late: String(run.lateCount ?? 0n),
  };
  return Object.entries(now)
    .filter(([name, value]) => payload[name] !== undefined && payload[name] !== value)
    .map(([name, value]) => `its ${name} is ${String(value)} and was ${String(payload[name])}`);
}

async function hashOfStatements(db: Queryable, runId: PublicId): Promise<string> {
  const sums = sumUpDay();
  let after = { merchantId: NO_MERCHANT, currency: '' };
  for (;;) {
    const statements = await readStatements(db, runId, after, STATEMENTS);
    for (const statement of statements) sums.add(statement);
    const last = statements.at(-1);
    if (last === undefined || statements.length < STATEMENTS) return sums.result().totalsHash;
    after = last;
  }
}

/** A page of a settled day's items. */
export interface VerifiedItems {
  /** Undefined when there are no more. */
  progress: SealProgress | undefined;
  problems: string[];
}

/** Hashes a further page of a settled day's items, and holds them against the ledger. */
export async function verifyItems(
  db: Queryable,
  tenantId: PublicId,
  { runId, payload }: CompletionEntry,
  progress: SealProgress,
): Promise<VerifiedItems> {
  const page = await hashItems(db, runId, progress.after, SEALED_PAGE);
  if (page === undefined) {
    const { itemsHash } = payload;
    const changed = itemsHash !== undefined && itemsHash !== progress.hash;
    return {
      progress: undefined,
      problems: changed ? ['transactions are not what they were when it was completed'] : [],
    };
  }
  const range = { after: progress.after, upTo: page.last };
  const { count, example } = await itemsNotInLedger(db, { tenantId, runId }, range);
  const problems = count === 0 ? [] : [`transactions are not what the ledger has: ${count}, such as ${example}`];
  return { progress: sealed(progress, page), problems };
}
