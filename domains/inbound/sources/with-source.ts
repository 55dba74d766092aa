import type { Pool, PoolClient } from 'pg';
import { type ExpectedVersion, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { InboundRefusal } from '../refusals';
import { findSource, type InboundSource, lockSource } from '../store/sources';

/** Whose source, which one, who asks, and which revisions it may have. */
export interface SourceCommand {
  tenantId: PublicId;
  /** The API key that asked for it. */
  keyId: PublicId;
  id: PublicId;
  expected?: ExpectedVersion | undefined;
}

/** Runs work on a source that is locked against other changes. @throws InboundRefusal when there is no such source */
export function withSource<T>(
  pool: Pool,
  { tenantId, id }: Pick<SourceCommand, 'tenantId' | 'id'>,
  work: (client: PoolClient, source: InboundSource) => Promise<T>,
): Promise<T> {
  return inTransaction(pool, async (client) => {
    const source = await lockSource(client, tenantId, id);
    if (source === undefined) throw new InboundRefusal('no-such-source');
    return work(client, source);
  });
}

/** A tenant's source. @throws InboundRefusal when there is no such source */
export async function requireSource(pool: Pool, tenantId: PublicId, id: PublicId): Promise<InboundSource> {
  const source = await findSource(pool, tenantId, id);
  if (source === undefined) throw new InboundRefusal('no-such-source');
  return source;
}

/** For whoever expected another revision. */
export function changedMeanwhile({ revision: version }: InboundSource): InboundRefusal {
  return new InboundRefusal('changed-meanwhile', outdatedDetail('The source', version), { version });
}
