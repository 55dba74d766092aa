import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { toUuid } from '../../../core/ids';
import { createApi, type TestApi } from '../../support/api-support';
import { createSource, mailgunWebhook, type Sent, sendGridWebhook } from '../../support/inbound';
import { check, laydown, registerReader, registerSubscriber } from '../../support/preferences';
import { eventually } from '../../support/receiver';
import { notification, startSns, type TestSns, TOPIC } from '../../support/sns';
import { tamperWith } from '../../support/tamper';

let api: TestApi;
let worker: { stop(): Promise<void> };
beforeAll(async () => {
  api = await createApi();
  worker = await api.pipeline.startWorker();
  await laydown(api, { news: 'opt_out', security: 'required' });
});
afterAll(async () => {
  await worker.stop();
  await api.close();
});

const suppress = (body: object, key?: string) =>
  api.call('POST', '/v1/suppressions', { body, ...(key === undefined ? {} : { key }) });

describe('subscribers', () => {
  test('are registered once for an external id, with spellings of an address as one', async () => {
    const name = randomUUID();
    const fields = {
      externalId: name,
      timeZone: 'asia/riyadh',
      profile: { firstName: 'Ada' },
      destinations: [
        { channel: 'email', address: `${name}@Example.com` },
        { channel: 'email', address: `${name.toUpperCase()}@example.COM.` },
        { channel: 'sms', address: '+49 (0)30 1234-567' },
      ],
    };
    const subscriber = await registerSubscriber(api, fields);
    expect(subscriber).toMatchObject({ timeZone: 'Asia/Riyadh', profile: { firstName: 'Ada' }, preferenceVersion: 1 });
    const again = await api.call('POST', '/v1/subscribers', { body: fields });
    expect(again.status).toBe(409);

    const { body } = await api.call('GET', `/v1/subscribers/${subscriber.id}/destinations`);
    expect(body.data.map(({ address }: { address: string }) => address)).toEqual([
      `${name}@Example.com`,
      '+49 (0)30 1234-567',
    ]);
    const found = await api.call('GET', `/v1/subscribers?channel=email&address=${name}@EXAMPLE.com`);
    expect(found.body.data).toEqual([expect.objectContaining({ id: subscriber.id })]);
    const known = await api.call('POST', `/v1/subscribers/${subscriber.id}/destinations`, {
      body: { channel: 'sms', address: '0049301234567' },
    });
    expect([known.status, known.body.address]).toEqual([200, '+49 (0)30 1234-567']);
  });

  test('have addresses and profiles that the database does not show', async () => {
    const { id, address } = await registerReader(api);
    await api.call('PATCH', `/v1/subscribers/${id}`, { body: { profile: { secret: 'planted' } } });
    const { rows } = await api.deps.pool.query(
      `SELECT s::text || d::text AS text FROM subscribers s JOIN destinations d ON d.subscriber_id = s.id WHERE s.id = $1`,
      [toUuid(id)],
    );
    const shown = Buffer.from(rows[0].text.replaceAll('\\x', ''), 'latin1').toString();
    expect(shown).not.toContain(Buffer.from('planted').toString('hex'));
    expect(shown).not.toContain(Buffer.from(address).toString('hex'));
  });

  test.each([
    [{ destinations: [{ channel: 'email', address: 'nobody' }] }, '#/destinations/0/address'],
    [{ destinations: [{ channel: 'sms', address: '030 1234567' }] }, '#/destinations/0/address'],
  ])('have no address that is none: %p', async (fields, pointer) => {
    const answer = await api.call('POST', '/v1/subscribers', { body: { externalId: randomUUID(), ...fields } });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
  });

  test('are erased: who they are is gone, what they refused still holds, and the record is whole', async () => {
    const { id, address } = await registerReader(api);
    const evidence = { form: 'f' };
    const path = `/v1/subscribers/${id}`;
    await api.call('POST', `${path}/preferences/opt-in`, { body: { choices: [{ category: 'news' }], evidence } });
    const { body: suppression } = await suppress({ channel: 'email', address, reason: 'complaint' });
    expect((await api.call('DELETE', path)).status).toBe(204);

    expect((await api.call('GET', path)).status).toBe(404);
    expect((await check(api, id)).rule).toBe('erased');
    const { body: consent } = await api.call('GET', `${path}/consent`);
    expect(consent.data.map(({ action }: { action: string }) => action)).toEqual(['erased', 'suppressed', 'opt_in']);
    expect(consent.data.map((entry: { evidence: unknown }) => entry.evidence)).toEqual([null, null, null]);
    expect((await api.call('GET', `${path}/consent/verify`)).body).toMatchObject({ verified: true, entries: 3 });
    const kept = await api.call('GET', `/v1/suppressions/${suppression.id}`);
    expect(kept.body).toMatchObject({ address: null, evidence: null, inForce: true });

    const back = await registerSubscriber(api, { destinations: [{ channel: 'email', address }] });
    expect(await check(api, back.id)).toMatchObject({ decision: 'deny', recordId: suppression.id });
  });
});

describe('the consent log', () => {
  let id: string;
  const verify = async (query = '') => (await api.call('GET', `/v1/subscribers/${id}/consent/verify${query}`)).body;
  const set = (text: string, seq: number) =>
    tamperWith(api.deps.pool, `UPDATE consent_events SET ${text} WHERE subscriber_id = $1 AND seq = $2`, [
      toUuid(id),
      seq,
    ]);
  beforeEach(async () => {
    ({ id } = await registerReader(api));
    for (const way of ['opt-in', 'opt-out', 'opt-in', 'opt-out'])
      await api.call('POST', `/v1/subscribers/${id}/preferences/${way}`, { body: { choices: [{ category: 'news' }] } });
  });

  test('is whole', async () => {
    const verdict = await verify();
    expect(verdict).toMatchObject({ verified: true, entries: 4, brokenAt: null, problem: null });
    expect(await verify(`?seq=4&hash=${verdict.head.hash}`)).toMatchObject({ verified: true });
  });

  test('shows the first entry that was altered', async () => {
    await set(`payload = jsonb_set(payload, '{choices,0,value}', 'true')`, 2);
    await set(`actor = 'key_0'`, 3);
    expect(await verify()).toMatchObject({ verified: false, entries: 1, brokenAt: 2, problem: 'changed' });
  });

  test('shows an entry that is missing, in the middle or at the end', async () => {
    const remove = (seq: number) =>
      tamperWith(api.deps.pool, 'DELETE FROM consent_events WHERE subscriber_id = $1 AND seq = $2', [toUuid(id), seq]);
    await remove(4);
    expect(await verify()).toMatchObject({ verified: false, entries: 3, brokenAt: 4, problem: 'missing' });
    await remove(2);
    expect(await verify()).toMatchObject({ verified: false, entries: 1, brokenAt: 2, problem: 'missing' });
  });

  test('shows an end that was cut off with the row that knows it, as only the keyed hash does', async () => {
    await tamperWith(
      api.deps.pool,
      `WITH gone AS (DELETE FROM consent_events WHERE subscriber_id = $1 AND seq = 4)
       UPDATE subscribers SET consent_seq = 3,
         consent_hash = (SELECT hash FROM consent_events WHERE subscriber_id = $1 AND seq = 3) WHERE id = $1`,
      [toUuid(id)],
    );
    expect(await verify()).toMatchObject({ verified: false, brokenAt: 3, problem: 'wrong-end' });
  });

  test('holds against a place that was kept elsewhere', async () => {
    const { head } = await verify();
    const other = head.hash.replace(/^./, (digit: string) => (digit === '0' ? '1' : '0'));
    expect(await verify(`?seq=4&hash=${other}`)).toMatchObject({ verified: false, brokenAt: 4, problem: 'changed' });
    expect(await verify(`?seq=9&hash=${other}`)).toMatchObject({ verified: false, brokenAt: 9, problem: 'missing' });
  });
});

describe('suppressions', () => {
  test('stop an address in every spelling, and once lifted no longer', async () => {
    const { id, address } = await registerReader(api);
    const evidence = { ticket: 'HELP-1' };
    const made = await suppress({ channel: 'email', address: address.toUpperCase(), reason: 'user_request', evidence });
    expect([made.status, made.body.evidence, made.body.inForce]).toEqual([201, evidence, true]);
    expect(await check(api, id)).toMatchObject({ decision: 'deny', rule: 'unsubscribed', recordId: made.body.id });
    expect(await check(api, id, 'channel=email&category=security')).toMatchObject({ rule: 'required' });
    const again = await suppress({ channel: 'email', address, reason: 'user_request' });
    expect([again.status, again.body.id]).toEqual([200, made.body.id]);

    const lift = () =>
      api.call('POST', `/v1/suppressions/${made.body.id}/lift`, { body: { reason: 'They came back.' } });
    const lifted = await lift();
    expect(lifted.body).toMatchObject({ inForce: false, liftReason: 'They came back.' });
    expect((await lift()).status).toBe(409);
    expect((await check(api, id)).decision).toBe('allow');
    const { body } = await api.call('GET', `/v1/suppressions?channel=email&address=${address}&inForce=false`);
    expect(body.data).toEqual([expect.objectContaining({ id: made.body.id })]);
  });

  test.each(['bounce', 'complaint', 'legal', 'invalid'])('for %s are lifted by who may', async (reason) => {
    const key = await api.newKey(['suppressions:write', 'suppressions:read']);
    const { id, address } = await registerReader(api);
    const { body } = await suppress({ channel: 'email', address, reason }, key);
    expect((await check(api, id, 'channel=email&category=security')).rule).toBe('suppressed');
    const path = `/v1/suppressions/${body.id}`;
    const lift = (by: string) => api.call('POST', `${path}/lift`, { key: by, body: { reason: 'r' } });
    const refused = await lift(key);
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      403,
      expect.stringContaining('scope="suppressions:lift"'),
    ]);
    const soon = new Date(Date.now() + 60_000).toISOString();
    const shortened = await api.call('PATCH', path, { key, body: { expiresAt: soon } });
    expect(shortened.status).toBe(403);
    expect((await lift(await api.newKey(['suppressions:write', 'suppressions:lift']))).status).toBe(200);
    expect((await check(api, id)).decision).toBe('allow');
  });

  test('end at their second, and not before', async () => {
    const { id, address } = await registerReader(api);
    const end = Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000;
    const expiresAt = new Date(end - 300).toISOString();
    const { body } = await suppress({ channel: 'email', address, reason: 'admin_action', expiresAt });
    expect(body.expiresAt).toBe(new Date(end).toISOString());
    const at = (ms: number) => check(api, id, `channel=email&category=news&at=${new Date(ms).toISOString()}`);
    expect((await at(end - 1)).decision).toBe('deny');
    expect((await at(end)).decision).toBe('allow');
    const longer = await suppress({ channel: 'email', address, reason: 'admin_action' });
    expect(longer.body).toMatchObject({ id: body.id, expiresAt: null });
    const past = await suppress({ channel: 'email', address, reason: 'legal', expiresAt: '2020-01-01T00:00:00Z' });
    expect([past.status, past.body.errors?.[0]?.pointer]).toEqual([422, '#/expiresAt']);
  });

  test('of a category stop that category', async () => {
    const { id, address } = await registerReader(api);
    await suppress({ channel: 'email', address, reason: 'user_request', scope: 'news' });
    expect((await check(api, id)).rule).toBe('unsubscribed');
    const answer = await suppress({ channel: 'email', address, reason: 'bounce', scope: 'news' });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, '#/scope']);
  });

  test('are exported as CSV, in one stream of many pages', async () => {
    const other = await api.newTenant();
    await api.deps.pool.query(
      `INSERT INTO suppressions (id, tenant_id, channel, address_hash, scope, reason, source, created_by, created_at)
       SELECT gen_random_uuid(), $1, 'email', sha256(i::text::bytea), '*', 'bounce', 'import', 'k', now()
       FROM generate_series(1, 2500) i`,
      [toUuid(other.tenantId)],
    );
    await suppress({ channel: 'sms', address: '+49301234567', reason: 'legal' }, other.key);
    const all = await api.call('GET', '/v1/suppressions/export', { key: other.key });
    const lines = all.text.trimEnd().split('\r\n');
    expect([all.headers['content-type'], lines.length, lines[0]?.split(',').slice(0, 3)]).toEqual([
      expect.stringContaining('text/csv'),
      2_502,
      ['id', 'channel', 'address'],
    ]);
    expect(new Set(lines).size).toBe(2_502);
    const some = await api.call('GET', '/v1/suppressions/export?reason=legal', { key: other.key });
    expect(some.text.trimEnd().split('\r\n')[1]).toContain(",sms,'+49301234567,*,legal,api,");
  });
});

describe('feedback of providers, as they sign it', () => {
  let sns: TestSns;
  beforeAll(async () => {
    sns = await startSns(api);
  });
  afterAll(() => sns.close());
  const sendGrid = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const providers: Record<string, { source: object; sign: (address: string, secret: string) => Sent }> = {
    'ses-feedback': {
      source: { scheme: 'sns', topicArns: [TOPIC] },
      sign: (emailAddress) => {
        const complaint = { complaintFeedbackType: 'abuse', complainedRecipients: [{ emailAddress }] };
        return sns.sign(notification(JSON.stringify({ notificationType: 'Complaint', complaint })));
      },
    },
    'sendgrid-feedback': {
      source: {
        scheme: 'sendgrid',
        secret: sendGrid.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      },
      sign: (email) => {
        const events = [
          { email, event: 'bounce', type: 'bounce', reason: '550 no such user', sg_event_id: randomUUID() },
        ];
        return sendGridWebhook(sendGrid.privateKey, JSON.stringify(events));
      },
    },
    'mailgun-feedback': {
      source: { scheme: 'mailgun', secret: 'the signing key' },
      sign: (recipient, secret) =>
        mailgunWebhook(secret, { 'event-data': { event: 'failed', severity: 'permanent', recipient } }),
    },
    'postmark-feedback': {
      source: { scheme: 'basic-auth' },
      sign: (Email, secret) => ({
        body: JSON.stringify({ RecordType: 'Bounce', Type: 'HardBounce', Email, ID: randomUUID() }),
        headers: {
          'content-type': 'application/json',
          authorization: `Basic ${Buffer.from(secret).toString('base64')}`,
        },
      }),
    },
  };

  /** Sources that what is signed for the first is not for. */
  const OTHERS: Record<string, object> = {
    'ses-feedback': { topicArns: [`${TOPIC}-of-others`] },
    'sendgrid-feedback': {
      secret: generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .publicKey.export({ type: 'spki', format: 'der' })
        .toString('base64'),
    },
    'mailgun-feedback': { secret: 'another key' },
    'postmark-feedback': {},
  };

  test.each(Object.entries(providers))('%s suppresses the address, once', async (handler, { source: how, sign }) => {
    const { id, address } = await registerReader(api);
    const source = await createSource(api, { ...how, route: { to: 'handler', handler } });
    const forged = sign(address, source.secret);
    const other = await createSource(api, { ...how, ...OTHERS[handler], route: { to: 'handler', handler } });
    expect((await other.send(forged)).status).toBe(401);
    for (let repeated = 0; repeated < 2; repeated++) {
      const sent = await source.send(sign(address.toUpperCase(), source.secret));
      expect(sent.status).toBe(202);
      await eventually(async () => {
        const { body } = await api.call('GET', `/v1/inbound/events/${sent.body.id}`);
        return body.state === 'processed' ? true : undefined;
      });
    }
    expect(await check(api, id, 'channel=email&category=security')).toMatchObject({ rule: 'suppressed' });
    const { body } = await api.call('GET', `/v1/suppressions?channel=email&address=${address}`);
    expect(body.data).toEqual([expect.objectContaining({ source: 'provider', createdBy: handler, inForce: true })]);
    expect((await api.call('GET', `/v1/subscribers/${id}/consent`)).body.data).toHaveLength(1);
  });
});
