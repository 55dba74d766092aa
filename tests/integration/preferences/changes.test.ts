import type { QueryConfig } from 'pg';
import { toUuid } from '../../../core/ids';
import { checkDecision, sweepPreferences } from '../../../domains/preferences';
import { commitChange } from '../../../domains/preferences/changes/commit-change';
import type { ChangeCommand } from '../../../domains/preferences/rules/change-command';
import { preferenceChangeWorkflowId } from '../../../domains/preferences/rules/workflow-names';
import { createApi, type TestApi } from '../../support/api-support';
import { insertEndpoint } from '../../support/fixtures';
import { latch } from '../../support/latch';
import { check, laydown, registerReader } from '../../support/preferences';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let api: TestApi;
let receiver: TestReceiver;
beforeAll(async () => {
  api = await createApi();
  receiver = await startReceiver();
  await insertEndpoint(api.deps.pool, api.deps.keyring, api.tenantId, {
    url: receiver.url,
    patterns: ['preference.changed'],
  });
  await laydown(api, { news: 'opt_out', offers: 'opt_in', security: 'required' });
  await api.call('POST', '/v1/topics', { body: { key: 'weekly', name: 'Weekly', category: 'news' } });
});
afterAll(async () => {
  await receiver.close();
  await api.close();
});

const path = (id: string) => `/v1/subscribers/${id}/preferences`;
const optOut = (id: string, choices: object[], more: object = {}) =>
  api.call('POST', `${path(id)}/opt-out`, { body: { choices, ...more } });

async function stateOf(changeId: string): Promise<string | undefined> {
  const { rows } = await api.deps.pool.query('SELECT state FROM preference_changes WHERE id = $1', [toUuid(changeId)]);
  return rows[0]?.state;
}

const untilDone = (changeId: string) =>
  eventually(async () => ((await stateOf(changeId)) === 'done' ? true : undefined));

/** The `data` of the event that tells of a change. */
function eventOf(changeId: string) {
  return eventually(
    () =>
      receiver.received.map(({ body }) => JSON.parse(body)).find(({ data }) => data.changeId === changeId)?.data as
        | Record<string, unknown>
        | undefined,
  );
}

describe('while Temporal and its workers are there', () => {
  let worker: { stop(): Promise<void> };
  beforeAll(async () => {
    worker = await api.pipeline.startWorker();
  });
  afterAll(() => worker.stop());

  test('an opt-out counts once it is answered, is on record, and is told of', async () => {
    const { id } = await registerReader(api);
    expect((await check(api, id)).decision).toBe('allow');

    const evidence = { form: 'footer-2026' };
    const answer = await optOut(id, [{ category: 'news', channel: 'email' }], { evidence });
    expect(answer.status).toBe(200);
    const { changeId, version, preferences } = answer.body;
    expect(answer.headers.etag).toBe(`"${version}"`);
    const [choice] = preferences.choices;
    expect(choice).toMatchObject({ category: 'news', topic: null, channel: 'email', value: false, version });

    expect(await check(api, id)).toMatchObject({
      decision: 'deny',
      rule: 'opted-out',
      level: 'category+channel',
      recordId: choice.id,
      version,
    });
    expect(await check(api, id, 'channel=email&topic=weekly')).toMatchObject({ decision: 'deny', rule: 'opted-out' });
    expect(await check(api, id, 'channel=email&category=security')).toMatchObject({ rule: 'required' });

    const { body: consent } = await api.call('GET', `/v1/subscribers/${id}/consent`);
    expect(consent.data).toEqual([
      expect.objectContaining({
        seq: 1,
        action: 'opt_out',
        subject: changeId,
        evidence,
        payload: expect.objectContaining({ subscriberId: id, version }),
      }),
    ]);
    await untilDone(changeId);
    const { rows } = await api.deps.pool.query(
      `SELECT payload FROM finance_audit_log WHERE tenant_id = $1 AND action = 'preferences.opt_out' AND subject = $2`,
      [toUuid(api.tenantId), id],
    );
    expect(rows).toEqual([
      { payload: expect.objectContaining({ changeId, consent: { seq: 1, hash: consent.data[0].hash } }) },
    ]);

    expect(await eventOf(changeId)).toMatchObject({ kind: 'opt_out', subscriberId: id, version, suppressionId: null });
  });

  test('its workflow says what was done, and shows no evidence', async () => {
    const { id } = await registerReader(api);
    // On a busy machine a request may have committed its change itself: then there is no answer to look at.
    const { found, result, version } = await eventually(async () => {
      const { body } = await optOut(id, [{}], { evidence: { ip: 'planted-198.51.100.7' } });
      await untilDone(body.changeId);
      const found = api.pipeline.client.workflow.getHandle(preferenceChangeWorkflowId(body.changeId));
      const result: unknown = await found.result();
      return result === null ? undefined : { found, result, version: body.version };
    });
    expect(result).toEqual({ outcome: 'committed', version });
    const payloads = JSON.stringify(await found.fetchHistory()).matchAll(/"data":"([^"]*)"/g);
    const history = [...payloads].map(([, data = '']) => Buffer.from(data, 'base64').toString()).join('\n');
    expect(history).toContain(id);
    expect(history).not.toContain('planted');
  });

  test('a denial that was read before an opt-in is not kept after it', async () => {
    const { id } = await registerReader(api);
    await untilDone((await optOut(id, [{ category: 'news' }])).body.changeId);
    const { pool, reads, redis } = api.pipeline.platform;
    const mayGoOn = latch();
    const hasRead = latch();
    const slow = Object.create(reads, {
      query: {
        value: async (statement: QueryConfig) => {
          const rows = await reads.query(statement);
          hasRead.open();
          await mayGoOn.opened;
          return rows;
        },
      },
    });
    const place = { tenantId: api.tenantId, subscriberId: id, topic: undefined, category: 'news' };
    const asked = checkDecision({ pool, redis, reads: slow }, { ...place, channel: 'email' });
    await hasRead.opened;
    const optIn = await api.call('POST', `${path(id)}/opt-in`, { body: { choices: [{ category: 'news' }] } });
    await untilDone(optIn.body.changeId);
    mayGoOn.open();
    expect(await asked).toMatchObject({ decision: 'deny' });
    expect(await check(api, id)).toMatchObject({ decision: 'allow' });
  });

  test('repeated with its idempotency key, it is one change', async () => {
    const { id } = await registerReader(api);
    const idempotencyKey = '6f1d2c3b-8a4e-4f5a-9b6c-7d8e9f0a1b2c';
    const options = { body: { choices: [{ category: 'news' }] }, idempotencyKey };
    const first = await api.call('POST', `${path(id)}/opt-out`, options);
    const second = await api.call('POST', `${path(id)}/opt-out`, options);
    expect(second.body).toEqual(first.body);
  });

  test('a category, a topic and quiet hours are set, by the version that was read', async () => {
    const { id } = await registerReader(api);
    const before = await api.call('GET', path(id));
    const quietHours = { start: '22:00', end: '07:00', channels: ['email'] };
    const body = {
      choices: [
        { topic: 'weekly', value: false },
        { category: 'offers', value: true },
      ],
      quietHours,
    };
    const set = await api.call('PATCH', path(id), { body, headers: { 'if-match': before.headers.etag ?? '' } });
    expect(set.body.preferences).toMatchObject({ quietHours, choices: [{ category: 'offers' }, { topic: 'weekly' }] });

    const again = await api.call('PATCH', path(id), { body, headers: { 'if-match': before.headers.etag ?? '' } });
    expect([again.status, again.headers.etag]).toEqual([412, set.headers.etag]);

    const night = 'channel=email&category=offers&at=2026-11-27T23:30:00Z';
    expect(await check(api, id, night)).toMatchObject({ decision: 'defer', until: '2026-11-28T07:00:00.000Z' });
    const day = 'channel=email&category=offers&at=2026-11-27T12:00:00Z';
    expect(await check(api, id, day)).toMatchObject({ decision: 'allow', rule: 'opted-in', level: 'category' });
  });

  test('a choice is taken back, so that the default holds', async () => {
    const { id } = await registerReader(api);
    await api.call('POST', `${path(id)}/opt-in`, { body: { choices: [{ category: 'offers' }] } });
    const offers = 'channel=email&category=offers';
    expect(await check(api, id, offers)).toMatchObject({ decision: 'allow', rule: 'opted-in' });
    await api.call('PATCH', path(id), { body: { choices: [{ category: 'offers', value: null }] } });
    expect(await check(api, id, offers)).toMatchObject({ decision: 'deny', rule: 'category-default' });
  });

  test('a reset takes every choice back, and is no consent after a complaint', async () => {
    const { id, address } = await registerReader(api);
    await optOut(id, [{}]);
    await api.call('POST', '/v1/suppressions', { body: { channel: 'email', address, reason: 'complaint' } });
    const reset = await api.call('POST', `${path(id)}/reset`);
    expect([reset.status, reset.body.preferences.choices]).toEqual([200, []]);
    expect(await check(api, id)).toMatchObject({ decision: 'deny', rule: 'suppressed', reason: 'complaint' });
    const { body } = await api.call('GET', `/v1/subscribers/${id}/consent`);
    expect(body.data.map(({ action }: { action: string }) => action)).toEqual(['reset', 'suppressed', 'opt_out']);
  });

  test.each([
    [{ category: 'none' }, '#/choices/0/category'],
    [{ topic: 'none' }, '#/choices/0/topic'],
  ])('what there is none of cannot be chosen: %p', async (choice, pointer) => {
    const { id } = await registerReader(api);
    const answer = await optOut(id, [choice]);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
    expect((await api.call('GET', `/v1/subscribers/${id}/consent`)).body.data).toEqual([]);
  });
});

describe('while Temporal or its workers are away', () => {
  test('an opt-out is committed all the same, and the sweep has the rest carried out', async () => {
    const { id } = await registerReader(api);
    const { body } = await optOut(id, [{ category: 'news' }]);
    expect(await check(api, id)).toMatchObject({ decision: 'deny', version: body.version });
    expect(await stateOf(body.changeId)).toBe('open');

    // Its workflow is gone, as if Temporal had never heard of it.
    const { client } = api.pipeline;
    await client.workflow.getHandle(preferenceChangeWorkflowId(body.changeId)).terminate();
    await api.deps.pool.query('UPDATE preference_changes SET due_at = now() WHERE id = $1', [toUuid(body.changeId)]);
    const worker = await api.pipeline.startWorker();
    const report = await sweepPreferences(api.deps, () => {});
    expect(report.followed).toBeGreaterThanOrEqual(1);
    expect(await eventOf(body.changeId)).toMatchObject({ kind: 'opt_out', subscriberId: id });
    await untilDone(body.changeId);
    await worker.stop();
  });

  test('what comes too late is not committed: others may have followed', async () => {
    const { id } = await registerReader(api);
    const command: ChangeCommand = {
      kind: 'opt_in',
      choices: [{ level: 'global', key: '', channel: '*', value: true }],
      quietHours: undefined,
      changeId: `prc_${'7'.repeat(32)}`,
      tenantId: api.tenantId,
      subscriberId: id,
      actor: 'key_test',
      evidence: null,
      expected: null,
      notAfter: Date.now() - 60_000,
    };
    expect(await commitChange(api.deps, command)).toMatchObject({ outcome: 'refused', code: 'too-late' });
    const late = { ...command, notAfter: Date.now() + 60_000 };
    const first = await commitChange(api.deps, late);
    expect(first).toMatchObject({ outcome: 'committed' });
    // Wherever else it is tried, it happens once.
    expect(await commitChange(api.deps, command)).toEqual(first);
  });
});
