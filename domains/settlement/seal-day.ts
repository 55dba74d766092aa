import type { Pool } from 'pg';
import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { inIndexOrder } from '../ledger';
import { SEAL_START, SEALED_PAGE, type SealProgress, sealed } from './rules/seal';
import { hashItems, hashReserves } from './store/settlement-seals';

/** Hashes over what a run has claimed and what it holds back, in hex, for the audit log. */
export interface DaySeal {
  itemsHash: string;
  reservesHash: string;
}

/** Hashes what a run consists of beside its statements, which have a hash already. */
export async function sealDay(pool: Pool, runId: PublicId): Promise<DaySeal> {
  const db = inIndexOrder(pool);
  let progress: SealProgress | undefined = SEAL_START;
  for (let next: SealProgress | undefined = progress; next !== undefined; next = await sealPage(db, runId, next)) {
    progress = next;
  }
  return { itemsHash: progress.hash, reservesHash: await hashReserves(db, runId) };
}

/** Hashes a further page. @returns undefined when there is none */
export async function sealPage(
  db: Queryable,
  runId: PublicId,
  progress: SealProgress,
): Promise<SealProgress | undefined> {
  const page = await hashItems(db, runId, progress.after, SEALED_PAGE);
  return page && sealed(progress, page);
}
