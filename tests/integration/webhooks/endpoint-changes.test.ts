import { Webhook } from 'standardwebhooks';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { createEndpointConfigCache } from '../../../domains/webhooks/delivery/endpoint-config-cache';
import { newSecret } from '../../../domains/webhooks/rules/signature';
import type { StoredDelivery } from '../../../domains/webhooks/store/publish';
import { createRedis } from '../../../infra/redis/client';
import { deliveryReads, only, storeOnly } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../../support/receiver';

const cacheLevels: [string, Record<string, string>][] = [
  ['without Redis', { REDIS_URL: '' }],
  ['with a Redis that is away', { REDIS_URL: 'redis://127.0.0.1:1' }],
];
if (process.env.REDIS_URL !== undefined) cacheLevels.push(['with Redis', {}]);

describe.each(cacheLevels)('a change of the endpoint, %s', (name, env) => {
  let pipeline: Pipeline;
  let receiver: TestReceiver;
  let moved: TestReceiver;
  let tenantId: PublicId;

  beforeAll(async () => {
    pipeline = await createPipeline(env);
    await pipeline.startWorker();
  });
  afterAll(async () => {
    await pipeline.close();
  });
  beforeEach(async () => {
    [receiver, moved] = await Promise.all([startReceiver(), startReceiver()]);
    tenantId = await insertTenant(pipeline.database.pool);
  });
  afterEach(async () => {
    await Promise.all([receiver.close(), moved.close()]);
  });

  const { query, read, attemptsOf, deadLettersOf } = deliveryReads(() => pipeline.database.pool);
  const endpoint = (delaysMs: number[] = []) =>
    insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, delaysMs });

  async function publish(): Promise<void> {
    await pipeline.publisher.publish({ tenantId, eventType: 'order.created', data: '{}', channels: [] });
  }

  describe('is seen when the lease of a due delivery is asked for', () => {
    async function attemptAfter(change: (delivery: StoredDelivery) => Promise<unknown>): Promise<PublicId> {
      await endpoint();
      const delivery = only(await storeOnly(pipeline.database.pool, tenantId));
      await change(delivery);
      expect(
        await pipeline.dispatch.engine.attemptDue({ ...delivery, tenantId }, { wanted: () => true, insist: false }),
      ).toBeUndefined();
      expect(receiver.received).toEqual([]);
      expect(await attemptsOf(delivery.id)).toEqual([]);
      return delivery.id;
    }

    test('deleted: the delivery is cancelled', async () => {
      const id = await attemptAfter((d) =>
        query('UPDATE endpoints SET deleted_at = now() WHERE id = $1', toUuid(d.endpointId)),
      );
      expect(await read(id)).toMatchObject({ state: 'cancelled', claim: null, next_attempt_at: null });
      expect(await deadLettersOf(id)).toEqual([]);
    });

    test('disabled: it is held', async () => {
      const id = await attemptAfter((d) =>
        query("UPDATE endpoints SET state = 'disabled' WHERE id = $1", toUuid(d.endpointId)),
      );
      expect(await read(id)).toMatchObject({ state: 'held', claim: null, next_attempt_at: null });
      expect(await deadLettersOf(id)).toEqual([]);
    });

    test.each([
      [
        'content-expired',
        'UPDATE messages SET body = NULL WHERE id = (SELECT message_id FROM deliveries WHERE id = $1)',
        'id',
      ],
    ] as const)('such dead letters are counted: %s', async (reason, change, key) => {
      const counted = async () =>
        (await pipeline.metrics.deadLetters.get()).values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
      const before = await counted();
      await attemptAfter((d) => query(change, toUuid(d[key])));
      expect(await counted()).toBe(before + 1);
    });

    test('paused: it is held', async () => {
      const id = await attemptAfter((d) =>
        query("UPDATE endpoints SET state = 'paused' WHERE id = $1", toUuid(d.endpointId)),
      );
      expect(await read(id)).toMatchObject({ state: 'held', claim: null, next_attempt_at: null });
    });

    test('and an expired content makes a dead letter', async () => {
      const id = await attemptAfter((d) =>
        query(
          'UPDATE messages SET body = NULL WHERE id = (SELECT message_id FROM deliveries WHERE id = $1)',
          toUuid(d.id),
        ),
      );
      expect(await read(id)).toMatchObject({ state: 'dead', claim: null, next_attempt_at: null });
      expect(await deadLettersOf(id)).toEqual([{ reason: 'content-expired', state: 'open' }]);
    });

    test('a deleted endpoint whose content has expired as well: cancelled', async () => {
      const id = await attemptAfter(async (d) => {
        await query(
          'UPDATE messages SET body = NULL WHERE id = (SELECT message_id FROM deliveries WHERE id = $1)',
          toUuid(d.id),
        );
        await query("UPDATE endpoints SET state = 'disabled', deleted_at = now() WHERE id = $1", toUuid(d.endpointId));
      });
      expect((await read(id)).state).toBe('cancelled');
    });
  });

  /** Another address and another secret, as the API does it: in one transaction, with the next version. */
  async function change(endpointId: PublicId): Promise<string> {
    const secret = newSecret();
    const secretId = toUuid(newId('sec'));
    const sealed = pipeline.dispatch.keyring.encrypt(secret, `endpoint_secrets/${secretId}`);
    await pipeline.database.pool.query({
      text: `WITH old AS (DELETE FROM endpoint_secrets WHERE endpoint_id = $1),
                  made AS (INSERT INTO endpoint_secrets (id, endpoint_id, secret_encrypted) VALUES ($3, $1, $4))
             UPDATE endpoints SET url = $2, version = version + 1 WHERE id = $1`,
      values: [toUuid(endpointId), moved.url, secretId, sealed],
    });
    return secret;
  }

  const verify = (secret: string, request: ReceivedRequest) =>
    new Webhook(secret).verify(request.body, request.headers as Record<string, string>);

  test('a first attempt uses the new address and secret', async () => {
    const { id, secret: old } = await endpoint([]);
    await publish();
    await receiver.waitFor(1);
    const { hits } = pipeline.dispatch.endpoints.statistics;
    await publish();
    await receiver.waitFor(2);
    expect(pipeline.dispatch.endpoints.statistics.hits).toBe(hits + 1);
    const secret = await change(id);
    await publish();
    await moved.waitFor(1);
    verify(secret, only(moved.received));
    expect(() => verify(old, only(moved.received))).toThrow();
    expect(receiver.received).toHaveLength(2);
  });

  test('so does a retry', async () => {
    const { id } = await endpoint([700]);
    receiver.always({ status: 500 });
    await publish();
    await receiver.waitFor(1);
    const secret = await change(id);
    await moved.waitFor(1);
    verify(secret, only(moved.received));
    expect(receiver.received).toHaveLength(1);
  });

  test('a process that has not seen it yet asks for the version it needs', async () => {
    const { id } = await endpoint([]);
    await publish();
    await receiver.waitFor(1);
    const { pool: db, keyring } = pipeline.dispatch;
    const redis = createRedis(pipeline.config.REDIS_URL, 'waybill', pipeline.log);
    const other = createEndpointConfigCache({ db, redis, keyring });
    if (name === 'with Redis') {
      await eventually(async () => (await redis?.get(`endpoint:${id}:1`).catch(() => null)) ?? undefined);
      expect(await other.get(id, 1)).toMatchObject({ version: 1, url: receiver.url });
      expect(other.statistics).toEqual({ hits: 0, redisHits: 1, databaseReads: 0 });
    }
    await change(id);
    expect(await other.get(id, 2)).toMatchObject({ version: 2, url: moved.url });
    expect(await other.get(id, 1)).toMatchObject({ version: 2 });
    expect(other.statistics.databaseReads).toBe(1);
    redis?.disconnect();
  });
});
