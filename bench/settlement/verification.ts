import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import { auditHash, auditTime, CHAIN_START } from '../../domains/audit/rules/audit-chain';
import { rssMb } from '../kit/machine';
import type { Stack } from '../kit/stack';

const ROWS_A_STATEMENT = 5_000;
const VERIFY = '/api/v2/finance/settlement/audit/verify';

/** What the verification of a log and its settled days took, request by request. */
export interface Verified {
  entries: number;
  requests: number;
  seconds: number;
  longestRequestSeconds: number;
  peakApiRssMb: number;
}

/** Adds entries to a tenant's audit log, in a few statements; each as `appendAudit` would have written it. */
export async function addEntries(pool: Pool, tenantId: string, count: number): Promise<void> {
  const { rows } = await pool.query<{ seq: string; hash: Buffer }>(
    'SELECT seq, hash FROM finance_audit_heads WHERE tenant_id = $1',
    [toUuid(tenantId)],
  );
  let { seq, hash } = rows[0] === undefined ? CHAIN_START : { seq: Number(rows[0].seq), hash: rows[0].hash };
  const at = new Date();
  for (let left = count; left > 0; left -= ROWS_A_STATEMENT) {
    const made = Array.from({ length: Math.min(left, ROWS_A_STATEMENT) }, () => {
      const event = {
        actor: 'bench',
        action: 'ledger.adjusted',
        subject: `adj_${seq}`,
        payload: { amount: '12345', n: seq },
      };
      const prevHash = hash;
      hash = auditHash(prevHash, { ...event, tenantId, seq: ++seq, at: auditTime(at) });
      return {
        seq,
        subject: event.subject,
        payload: event.payload,
        prev: prevHash.toString('hex'),
        hash: hash.toString('hex'),
      };
    });
    await pool.query(
      `INSERT INTO finance_audit_log (tenant_id, seq, at, actor, action, subject, payload, prev_hash, hash)
       SELECT $1, seq, $2, 'bench', 'ledger.adjusted', subject, payload, decode(prev, 'hex'), decode(hash, 'hex')
       FROM json_to_recordset($3::json) AS e(seq bigint, subject text, payload jsonb, prev text, hash text)`,
      [toUuid(tenantId), at, JSON.stringify(made)],
    );
  }
}

/** Verifies everything over the API, as often as it takes. @throws when anything is found */
export async function verifyAll({ client, api }: Pick<Stack, 'client' | 'api'>): Promise<Verified> {
  const startedAt = performance.now();
  const verified: Verified = { entries: 0, requests: 0, seconds: 0, longestRequestSeconds: 0, peakApiRssMb: 0 };
  for (let next = ''; ; ) {
    const askedAt = performance.now();
    const answer = (await client.call('GET', next === '' ? VERIFY : `${VERIFY}?next=${next}`)) as {
      verified: boolean | null;
      entries: number;
      next: string | null;
      findings: object[];
    };
    verified.requests++;
    verified.longestRequestSeconds = Math.max(verified.longestRequestSeconds, seconds(askedAt));
    verified.peakApiRssMb = Math.max(verified.peakApiRssMb, rssMb(api.pid) ?? 0);
    if (answer.verified === false) throw new Error(`not verified: ${JSON.stringify(answer.findings)}`);
    if (answer.next === null) return { ...verified, entries: answer.entries, seconds: seconds(startedAt) };
    next = answer.next;
  }
}

function seconds(since: number): number {
  return Number(((performance.now() - since) / 1_000).toFixed(2));
}
