import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import { rssMb } from '../kit/machine';
import type { Stack } from '../kit/stack';
import type { UnsettledDay } from './unsettled-day';

const LOOK_EVERY_MS = 50;
const ROWS_A_PAGE = 20_000;
/** The largest file that the route takes. */
const MOST_BYTES = 16 * 1_048_576;
const WITHIN_MS = 10 * 60_000;

/** What comparing a file with a settled day took. */
export interface Reconciled {
  lines: number;
  megabytes: number;
  /** From the first byte of the request to the answer. */
  seconds: number;
  /** The API's highest resident memory meanwhile, and that before. */
  peakMb: number;
  beforeMb: number;
}

/**
 * Sends a file with the sales of a settled day, as many as a file may have, as a bank or provider would, and waits for the
 * answer.
 *
 * @param references - `exact`: as we have them; `changed`: in capitals and with a space, as some banks do
 * @throws when a line is not matched
 */
export async function reconcile(
  stack: Pick<Stack, 'pool' | 'api' | 'apiPort'>,
  { tenantId, key, date }: Pick<UnsettledDay, 'tenantId' | 'key' | 'date'>,
  references: 'exact' | 'changed',
): Promise<Reconciled> {
  const { file, lines } = await fileOf(stack.pool, tenantId, references);
  const memory = () => rssMb(stack.api.pid) ?? 0;
  const beforeMb = memory();
  let peakMb = beforeMb;
  const looking = setInterval(() => {
    peakMb = Math.max(peakMb, memory());
  }, LOOK_EVERY_MS);
  const askedAt = performance.now();
  try {
    const path = `/api/v2/finance/settlement/${date}/reconciliation`;
    const answer = await fetch(`http://127.0.0.1:${stack.apiPort}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv', 'idempotency-key': randomUUID() },
      body: file,
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    const text = await answer.text();
    const seconds = (performance.now() - askedAt) / 1_000;
    if (answer.status !== 201) throw new Error(`the file was answered ${answer.status}: ${text}`);
    const { counts } = JSON.parse(text) as { counts: Record<string, number> };
    if (counts.matched !== lines) throw new Error(`of ${lines} lines: ${JSON.stringify(counts)}`);
    return {
      lines,
      megabytes: Number((file.length / 1e6).toFixed(1)),
      seconds: Number(seconds.toFixed(2)),
      peakMb,
      beforeMb,
    };
  } finally {
    clearInterval(looking);
  }
}

async function fileOf(pool: Pool, tenantId: string, references: 'exact' | 'changed') {
  const pages = [Buffer.from('reference,currency,amount\n')];
  let lines = 0;
  let bytes = 0;
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await pool.query<{ id: string; ref: string; gross: string }>(
      `SELECT i.transaction_id AS id, t.external_ref AS ref, i.gross
       FROM settlement_items i JOIN ledger_transactions t ON t.id = i.transaction_id
       WHERE i.tenant_id = $1 AND i.transaction_id > $2 AND i.kind = 'capture' ORDER BY i.transaction_id LIMIT $3`,
      [toUuid(tenantId), after, ROWS_A_PAGE],
    );
    const written = rows.map(({ ref, gross }) => {
      const reference = references === 'exact' ? ref : ref.toUpperCase().replace('_', ' ');
      return `${reference},EUR,${gross.slice(0, -2)}.${gross.slice(-2)}\n`;
    });
    const page = Buffer.from(written.join(''));
    const fits = bytes + page.length < MOST_BYTES;
    if (fits) pages.push(page);
    bytes += page.length;
    lines += fits ? rows.length : 0;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < ROWS_A_PAGE || !fits) return { file: Buffer.concat(pages), lines };
  }
}
