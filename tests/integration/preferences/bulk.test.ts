import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { cancelSendsOf } from '../../../domains/notifications';
import { bulkRound, sweepPreferences } from '../../../domains/preferences';
import { applyPage } from '../../../domains/preferences/bulk/bulk-step';
import { bulkSuppressionWorkflowId } from '../../../domains/preferences/rules/workflow-names';
import { createApi, type TestApi } from '../../support/api-support';
import { reportDeath, startKillableWorker } from '../../support/killable-worker';
import { check, laydown, registerReader } from '../../support/preferences';
import { eventually } from '../../support/receiver';

const PATH = '/v1/bulk-suppressions';
const FOUR_EYES_FROM = 1_500;

let api: TestApi;
beforeAll(async () => {
  api = await createApi({}, { WAYBILL_BULK_SUPPRESSION_FOUR_EYES_FROM: String(FOUR_EYES_FROM) });
  await laydown(api, { news: 'opt_out', security: 'required' });
});
afterAll(() => api.close());

interface Sent {
  query?: Record<string, string>;
  type?: string;
  idempotencyKey?: string;
}

function send(body: unknown, { query = {}, type = 'application/json', idempotencyKey }: Sent = {}) {
  const asked = new URLSearchParams({ reason: 'admin_action', note: 'A test', channel: 'email', ...query });
  return api.call('POST', `${PATH}?${asked}`, {
    body,
    headers: { 'content-type': type },
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
}

const csv = (text: string, query: Record<string, string> = {}) => send(text, { query, type: 'text/csv' });
const get = async (id: string) => (await api.call('GET', `${PATH}/${id}`)).body;
const rowsOf = async (id: string, query = '') => (await api.call('GET', `${PATH}/${id}/rows${query}`)).body.data;
const query = async (text: string, ...values: unknown[]) => (await api.deps.pool.query(text, values)).rows;
const suppressionsMade = async () => (await query('SELECT count(*)::int AS count FROM suppressions'))[0].count;
const untilEnded = (id: string) =>
  eventually(async () => {
    const bulk = await get(id);
    return bulk.endedAt === null ? undefined : bulk;
  });

/** Goes on with one as its workflow would, without a worker. */
const goOn = (id: PublicId) => bulkRound({ platform: api.deps, beat: () => {}, stopSends: async () => {} }, id);

async function auditOf(id: string): Promise<string[]> {
  const rows = await query('SELECT action FROM finance_audit_log WHERE subject = $1 ORDER BY seq', id);
  return rows.map(({ action }) => action);
}

/** A notification that waits to be sent to somebody. */
async function pendingSend(subscriberId: string): Promise<string> {
  const [notification, sent, tenant, subscriber] = [newId('ntf'), newId('snd'), api.tenantId, subscriberId].map(toUuid);
  await query(
    `INSERT INTO notifications (id, tenant_id, subscriber_id, category, workflow_id, created_by)
     VALUES ($1, $2, $3, 'news', 'w', 'k')`,
    notification,
    tenant,
    subscriber,
  );
  await query(
    `INSERT INTO sends (id, notification_id, tenant_id, subscriber_id, channel, workflow_id, next_attempt_at)
     VALUES ($1, $2, $3, $4, 'email', 'w', now() + interval '1 hour')`,
    sent,
    notification,
    tenant,
    subscriber,
  );
  return sent ?? '';
}

describe('before anybody works on them', () => {
  test('a dry run says of each row what would become of it, and changes nothing', async () => {
    const { address, id: reader } = await registerReader(api);
    const known = await registerReader(api);
    await api.call('POST', '/v1/suppressions', {
      body: { channel: 'email', address: known.address, reason: 'admin_action', expiresAt: '2090-01-01T00:00:00Z' },
    });
    const rows = [
      { address },
      { address: address.toUpperCase() },
      { address: known.address, expiresAt: '2080-01-01T00:00:00Z' },
      { address: known.address },
      { address, scope: 'news' },
      { address, scope: 'nothing' },
      { address: 'nobody' },
      { address: '+49 30 1234567', channel: 'sms' },
      { address, expiresAt: '2020-01-01T00:00:00Z' },
    ];
    const expected = [
      ['added', null],
      ['already_suppressed', null],
      ['already_suppressed', null],
      ['extended', null],
      ['added', null],
      ['refused', expect.stringMatching(/^scope: /)],
      ['invalid', expect.stringMatching(/^address: expected an email address/)],
      ['added', null],
      ['refused', expect.stringMatching(/^expires_at: /)],
    ];
    const counts = { added: 3, extended: 1, alreadySuppressed: 2, invalid: 1, refused: 2, total: 9, done: 9 };
    const before = await suppressionsMade();
    const version = await check(api, reader);

    const tried = await send(rows, { query: { dryRun: 'true' } });
    expect(tried.status).toBe(202);
    expect(tried.headers.location).toBe(`${PATH}/${tried.body.id}`);
    expect(await goOn(tried.body.id)).toMatchObject({ state: 'completed', dryRun: true });
    expect(await get(tried.body.id)).toMatchObject({ ...counts, dryRun: true, stoppedSends: 0 });
    const result = ({ result, problem }: { result: string; problem: string }) => [result, problem];
    expect((await rowsOf(tried.body.id)).map(result)).toEqual(expected);
    expect([await suppressionsMade(), await check(api, reader)]).toEqual([before, version]);

    const done = await send(rows);
    expect(await goOn(done.body.id)).toMatchObject({ state: 'completed', dryRun: false });
    expect(await get(done.body.id)).toMatchObject(counts);
    expect((await rowsOf(done.body.id)).map(result)).toEqual(expected);
    expect(await suppressionsMade()).toBe(before + 3);
    expect(await check(api, reader, 'channel=email&category=security')).toMatchObject({
      decision: 'deny',
      reason: 'admin_action',
    });
    expect((await rowsOf(done.body.id, '?result=invalid')).map(({ address }: { address: string }) => address)).toEqual([
      'nobody',
    ]);
    const { body: consent } = await api.call('GET', `/v1/subscribers/${reader}/consent`);
    expect(consent.data.map(({ action, subject }: Record<string, string>) => [action, subject])).toEqual([
      ['suppressed', done.body.id],
      ['suppressed', done.body.id],
    ]);
    expect((await api.call('GET', `/v1/subscribers/${reader}/consent/verify`)).body.verified).toBe(true);
    expect(await auditOf(done.body.id)).toEqual(['suppression.bulk_started', 'suppression.bulk_ended']);
  });

  test('a complaint goes on counting, whatever is suppressed or ends beside it', async () => {
    const { address, id: reader } = await registerReader(api);
    const { body: complaint } = await api.call('POST', '/v1/suppressions', {
      body: { channel: 'email', address, reason: 'complaint' },
    });
    const soon = { address, expiresAt: '2090-01-01T00:00:00Z' };
    for (const reason of ['complaint', 'user_request']) await goOn((await send([soon], { query: { reason } })).body.id);
    const kept = await api.call('GET', `/v1/suppressions/${complaint.id}`);
    expect(kept.body).toMatchObject({ reason: 'complaint', inForce: true, expiresAt: null, source: 'api' });
    expect(await check(api, reader, 'channel=email&category=security')).toMatchObject({ reason: 'complaint' });
  });

  test('a cancelled one leaves the rows that are not done as they are', async () => {
    const addresses = Array.from({ length: 450 }, (_, index) => `cancelled-${index}@example.com`);
    const { body: bulk } = await csv(['address', ...addresses].join('\r\n'));
    expect(bulk).toMatchObject({ state: 'running', total: 450, done: 0 });
    expect(await applyPage(api.deps, { id: bulk.id, tenantId: api.tenantId })).toBe(200);

    const cancelled = await api.call('POST', `${PATH}/${bulk.id}/cancel`);
    expect([cancelled.status, cancelled.body.state]).toEqual([200, 'cancelling']);
    expect(await applyPage(api.deps, { id: bulk.id, tenantId: api.tenantId })).toBe(0);
    expect(await goOn(bulk.id)).toMatchObject({ state: 'cancelled', done: 200, total: 450 });
    expect((await api.call('POST', `${PATH}/${bulk.id}/cancel`)).status).toBe(409);
    const results = await query(
      'SELECT result, count(*)::int FROM bulk_suppression_rows WHERE bulk_id = $1 GROUP BY 1 ORDER BY 1',
      toUuid(bulk.id),
    );
    expect(results).toEqual([
      { result: 'added', count: 200 },
      { result: null, count: 250 },
    ]);
    expect(await auditOf(bulk.id)).toEqual([
      'suppression.bulk_started',
      'suppression.bulk_cancelled',
      'suppression.bulk_ended',
    ]);
  });

  test.each<[string, unknown, Sent, number, string]>([
    ['no reason', [{ address: 'a@b.de' }], { query: { reason: '' } }, 422, '#/reason'],
    ['no words why', [{ address: 'a@b.de' }], { query: { note: '' } }, 422, '#/note'],
    ['no list', { address: 'a@b.de' }, {}, 422, '#'],
    ['an empty list', [], {}, 422, '#'],
    ['too long a list', Array(1_001).fill({ address: 'a@b.de' }), {}, 422, '#'],
    ['an empty file', 'address\n', { type: 'text/csv' }, 422, '#/rows'],
    ['a header that does not fit', 'mail\na@b.de\n', { type: 'text/csv' }, 422, '#/rows/1/1'],
    ['a row that is too short', 'address,scope\na@b.de,*\nb@c.de\n', { type: 'text/csv' }, 422, '#/rows/3/2'],
    ['a quote without end', 'address\na@b.de\n"b\n', { type: 'text/csv' }, 422, '#/rows/3/1'],
  ])('%s is refused as a whole, and said where', async (_what, body, sent, status, pointer) => {
    const before = await suppressionsMade();
    const answer = await send(body, sent);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([status, pointer]);
    expect(await query("SELECT count(*)::int FROM bulk_suppressions WHERE state IN ('receiving', 'running')")).toEqual([
      { count: 0 },
    ]);
    expect(await suppressionsMade()).toBe(before);
  });

  test('a repetition is answered with what the first has made, and what was refused may be sent again', async () => {
    const idempotencyKey = randomUUID();
    const type = 'text/csv';
    expect((await send('address,scope\nx@example.com\n', { type, idempotencyKey })).status).toBe(422);
    const first = await send('address\nx@example.com\n', { type, idempotencyKey });
    const again = await send('address\ny@example.com\n', { type, idempotencyKey });
    expect([again.status, again.body.id, again.body.total]).toEqual([202, first.body.id, 1]);
    await goOn(first.body.id);
    const { body: list } = await api.call('GET', `${PATH}?state=completed&limit=1`);
    expect(list.data[0].id).toBe(first.body.id);
  });

  test('an upload that breaks off suppresses nothing', async () => {
    const asked = `${PATH}?reason=bounce&note=x&channel=email`;
    const abort = new AbortController();
    async function* rows(): AsyncGenerator<Buffer> {
      yield Buffer.from('address\n');
      for (let index = 0; ; index++) {
        yield Buffer.from(Array.from({ length: 500 }, (_, at) => `broken-${index}-${at}@example.com\n`).join(''));
        const [found] = await query("SELECT id FROM bulk_suppressions WHERE state = 'receiving' AND total > 0");
        if (found !== undefined) break;
      }
      abort.abort();
      await new Promise(() => {});
    }
    const headers = {
      authorization: `Bearer ${api.key}`,
      'content-type': 'text/csv',
      'idempotency-key': randomUUID(),
    };
    const init = { method: 'POST', headers, body: Readable.from(rows()), duplex: 'half', signal: abort.signal };
    await expect(fetch(`${api.url}${asked}`, init as unknown as RequestInit)).rejects.toThrow();
    const [left] = await eventually(async () => {
      const found = await query("SELECT state, applied_to FROM bulk_suppressions WHERE reason = 'bounce'");
      return found[0]?.state === 'receiving' ? undefined : found;
    });
    expect(left).toEqual({ state: 'incomplete', applied_to: 0 });
  });

  test('one that another key rejects suppresses nothing', async () => {
    const before = await suppressionsMade();
    const lines = Array.from({ length: FOUR_EYES_FROM }, (_, index) => `rejected-${index}@example.com`);
    const { body: bulk } = await csv(['address', ...lines].join('\n'));
    expect(bulk).toMatchObject({ state: 'waiting', total: FOUR_EYES_FROM });
    expect(await goOn(bulk.id)).toMatchObject({ state: 'waiting', done: 0 });
    const rejected = await api.call('POST', `/v1/approvals/${bulk.approvalId}/reject`);
    expect([rejected.status, (await get(bulk.id)).state]).toEqual([200, 'rejected']);
    expect(await suppressionsMade()).toBe(before);
  });

  test('a send that is stopped is counted once, also if the process dies before it says how far it is', async () => {
    const reader = await registerReader(api);
    await pendingSend(reader.id);
    const { body: bulk } = await send([{ address: reader.address }]);
    const dies = bulkRound(
      {
        platform: api.deps,
        beat: () => {},
        stopSends: async (subscriberIds, stopped) => {
          await cancelSendsOf(api.deps, subscriberIds, () => {}, stopped);
          throw new Error('the process dies');
        },
      },
      bulk.id,
    );
    await expect(dies).rejects.toThrow('the process dies');
    expect(await goOn(bulk.id)).toMatchObject({ state: 'completed', stoppedSends: 1 });
  });

  test('what was erased meanwhile is suppressed by its hash, and its address is nowhere', async () => {
    const { address, id: reader } = await registerReader(api);
    const { body: bulk } = await send([{ address }]);
    expect((await api.call('DELETE', `/v1/subscribers/${reader}`)).status).toBe(204);
    await goOn(bulk.id);
    const [row] = await rowsOf(bulk.id);
    expect(row).toMatchObject({ result: 'added', address: null });
    const { body: made } = await api.call('GET', `/v1/suppressions/${row.suppressionId}`);
    expect(made).toMatchObject({ address: null, inForce: true });
  });

  test('what ended long ago is removed, and uploads whose process is gone are given up', async () => {
    const { body: bulk } = await send([{ address: 'old@example.com' }]);
    await goOn(bulk.id);
    await query("UPDATE bulk_suppressions SET ended_at = now() - interval '31 days' WHERE id = $1", toUuid(bulk.id));
    const lost = newId('blk');
    await query(
      `INSERT INTO bulk_suppressions (id, tenant_id, request_key, reason, note, dry_run, actor, updated_at)
       VALUES ($1, $2, $1, 'legal', 'x', false, 'k', now() - interval '2 minutes')`,
      toUuid(lost),
      toUuid(api.tenantId),
    );
    expect(await sweepPreferences(api.deps, () => {})).toMatchObject({ rowsRemoved: 1, uploadsGivenUp: 1 });
    expect((await api.call('GET', `${PATH}/${bulk.id}`)).status).toBe(404);
    expect((await get(lost)).state).toBe('incomplete');
  });
});

describe('by their workflows', () => {
  const COUNT = 8_000;

  test('a file that another key has approved is done once, row by row, although its worker is killed', async () => {
    const reader = await registerReader(api);
    const sent = await pendingSend(reader.id);
    const lines = Array.from({ length: COUNT - 1 }, (_, index) => `bulk-${index}@example.com`);
    const { body: waiting } = await csv(['address', reader.address, ...lines].join('\n'));
    expect(waiting).toMatchObject({ state: 'waiting', total: COUNT, approvalId: expect.stringMatching(/^apr_/) });
    const approve = `/v1/approvals/${waiting.approvalId}/approve`;
    expect((await api.call('POST', approve)).status).toBe(409);
    const victim = await startKillableWorker(api.pipeline, ['upkeep']);
    const other = await api.newKey(['*']);
    const approved = await api.call('POST', approve, { key: other });
    expect(approved.body).toMatchObject({ state: 'approved', amount: String(COUNT), currency: 'XXX' });

    await eventually(async () => ((await get(waiting.id)).done > 0 ? true : undefined));
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    const workflowId = bulkSuppressionWorkflowId(waiting.id);
    await reportDeath(api.pipeline.platform, [workflowId]);
    const killed = await get(waiting.id);
    expect(killed.done).toBeLessThan(COUNT);
    await api.pipeline.startWorker();

    expect(await untilEnded(waiting.id)).toMatchObject({
      state: 'completed',
      done: COUNT,
      added: COUNT,
      alreadySuppressed: 0,
      stoppedSends: 1,
    });
    const [made] = await query(
      `SELECT count(*)::int AS rows, count(DISTINCT r.suppression_id)::int AS made, count(s.id)::int AS there
       FROM bulk_suppression_rows r LEFT JOIN suppressions s ON s.id = r.suppression_id AND s.source = 'import'
       WHERE r.bulk_id = $1 AND r.result = 'added'`,
      toUuid(waiting.id),
    );
    expect(made).toEqual({ rows: COUNT, made: COUNT, there: COUNT });
    const [{ state }] = await query('SELECT state FROM sends WHERE id = $1', sent);
    expect(state).toBe('suppressed');
    const { body: consent } = await api.call('GET', `/v1/subscribers/${reader.id}/consent`);
    expect(consent.data.map(({ action }: { action: string }) => action)).toEqual(['suppressed']);
    expect(await auditOf(waiting.id)).toEqual([
      'suppression.bulk.requested',
      'suppression.bulk_started',
      'suppression.bulk_ended',
    ]);
    const [event] = await query(
      "SELECT count(*)::int AS count FROM messages WHERE event_type = 'preference.bulk_suppression_ended' AND body::text LIKE $1",
      `%${waiting.id}%`,
    );
    expect(event.count).toBe(1);

    const handle = api.pipeline.client.workflow.getHandle(workflowId);
    await handle.result();
    expect(await handle.query('progress')).toMatchObject({ state: 'completed', done: COUNT });
    const history = historyToJSON(await handle.fetchHistory());
    const decoded = history.replace(/"data": "([A-Za-z0-9+/=]+)"/g, (_, text) =>
      Buffer.from(text, 'base64').toString(),
    );
    expect(decoded).not.toContain(reader.address);
    const [{ text }] = await query(
      'SELECT string_agg(r::text, $2) AS text FROM bulk_suppression_rows r WHERE bulk_id = $1 AND number < 3',
      toUuid(waiting.id),
      ' ',
    );
    expect(text).not.toContain(Buffer.from(reader.address).toString('hex'));
  });

  test('one that nobody attends to is gone on with', async () => {
    const { body: bulk } = await send([{ address: 'lost@example.com' }], { query: { reason: 'legal' } });
    await untilEnded(bulk.id);
    await api.pipeline.client.workflow.getHandle(bulkSuppressionWorkflowId(bulk.id)).result();
    await query(
      `UPDATE bulk_suppressions SET state = 'running', ended_at = NULL, applied_to = 0, followed_to = 0,
              attended_until = now() - interval '1 minute' WHERE id = $1`,
      toUuid(bulk.id),
    );
    await eventually(async () => ((await sweepPreferences(api.deps, () => {})).bulksResumed === 1 ? true : undefined));
    expect(await untilEnded(bulk.id)).toMatchObject({ state: 'completed', alreadySuppressed: 1 });
  });
});
