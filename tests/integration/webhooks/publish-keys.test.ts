import fc from 'fast-check';
import { type PublicId, toUuid } from '../../../core/ids';
import { createGroupCommitPublisher } from '../../../domains/webhooks/publishing/group-commit-publisher';
import type { Publisher, PublishInput, PublishResult } from '../../../domains/webhooks/publishing/publisher';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;
/** A second accepting process on the same database. */
let elsewhere: Publisher;

beforeAll(async () => {
  pipeline = await createPipeline();
  receiver = await startReceiver();
  elsewhere = createGroupCommitPublisher({ ...pipeline.dispatch, ...pipeline });
  await pipeline.startWorker();
});
afterAll(async () => {
  await pipeline.close();
  await receiver.close();
});
beforeEach(async () => {
  tenantId = await insertTenant(pipeline.database.pool);
});

type Input = Partial<PublishInput>;

const complete = (input: Input = {}): PublishInput => ({
  tenantId,
  eventType: 'order.created',
  data: '{"n":1}',
  channels: [],
  ...input,
});
const publish = (input: Input = {}, publisher: Publisher = pipeline.publisher) => publisher.publish(complete(input));
const endpoint = (options: Partial<Parameters<typeof insertEndpoint>[3]> = {}) =>
  insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, ...options });

async function query<R extends object>(text: string, ...values: unknown[]): Promise<R[]> {
  return (await pipeline.database.pool.query<R>(text, values)).rows;
}

async function count(table: string): Promise<number> {
  const [row] = await query<{ n: number }>(
    `SELECT count(*)::int AS n FROM ${table} WHERE tenant_id = $1`,
    toUuid(tenantId),
  );
  return row?.n ?? Number.NaN;
}

async function orphanKeys(): Promise<unknown[]> {
  return query('SELECT key FROM message_keys k WHERE NOT EXISTS (SELECT FROM messages m WHERE m.id = k.message_id)');
}

function accepted(result: PublishResult) {
  if (result.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return result;
}

/** An answer without what distinguishes the first from its repetitions. */
function answer(result: PublishResult) {
  const { duplicate: _duplicate, deliveries, ...rest } = accepted(result);
  return { ...rest, deliveries: deliveries.map(({ id }) => id).sort() };
}

describe.each(['eventId', 'idempotencyKey'] as const)('a repeated %s', (key) => {
  test('is answered with the first message and its deliveries, and stores nothing', async () => {
    await endpoint();
    await endpoint({ patterns: ['order.*'] });
    const first = accepted(await publish({ [key]: 'k' }));
    const second = accepted(await publish({ [key]: 'k' }, elsewhere));
    expect([first.duplicate, second.duplicate]).toEqual([false, true]);
    expect(answer(second)).toEqual(answer(first));
    expect(second.deliveries).toHaveLength(2);
    expect(new Set(second.deliveries.map((d) => d.workflowId))).toEqual(
      new Set(first.deliveries.map((d) => d.workflowId)),
    );
    expect([await count('messages'), await count('deliveries'), await count('message_keys')]).toEqual([1, 2, 1]);
  });

  test('a hundred times at once, in two processes, makes one message', async () => {
    await endpoint();
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, n) => publish({ [key]: 'k' }, n % 2 === 0 ? pipeline.publisher : elsewhere)),
    );
    expect(results.filter((result) => !accepted(result).duplicate)).toHaveLength(1);
    expect(new Set(results.map((result) => JSON.stringify(answer(result)))).size).toBe(1);
    expect([await count('messages'), await count('deliveries'), await count('message_keys')]).toEqual([1, 1, 1]);
  });

  test('with another content is a conflict that names it', async () => {
    await publish({ [key]: 'k', data: '{"n":1}', channels: ['a', 'b'] });
    for (const other of [
      { data: '{"n":2}' },
      { eventType: 'order.paid' },
      { channels: ['a'] },
      { endpointId: (await endpoint()).id },
    ]) {
      const result = await publish({ [key]: 'k', data: '{"n":1}', channels: ['a', 'b'], ...other });
      expect(result).toEqual({ outcome: 'conflict', key });
    }
    expect(accepted(await publish({ [key]: 'k', data: '{"n":1}', channels: ['b', 'a'] })).duplicate).toBe(true);
    expect(await count('messages')).toBe(1);
  });

  test('of another tenant is no repetition', async () => {
    const first = accepted(await publish({ [key]: 'k' }));
    tenantId = await insertTenant(pipeline.database.pool);
    const second = accepted(await publish({ [key]: 'k' }));
    expect(second.duplicate).toBe(false);
    expect(second.id).not.toBe(first.id);
  });
});

test('an event id and an Idempotency-Key of the same text have nothing to do with each other', async () => {
  accepted(await publish({ eventId: 'k' }));
  expect(accepted(await publish({ idempotencyKey: 'k' })).duplicate).toBe(false);
});

test('without keys every publish is a message of its own', async () => {
  const [first, second] = await Promise.all([publish(), publish()]);
  expect(accepted(first).id).not.toBe(accepted(second).id);
});

describe('both keys given', () => {
  test('either one alone finds the message again', async () => {
    const first = accepted(await publish({ eventId: 'e', idempotencyKey: 'k' }));
    expect(accepted(await publish({ eventId: 'e', idempotencyKey: 'k' })).id).toBe(first.id);
    expect(accepted(await publish({ eventId: 'e', idempotencyKey: 'other' })).id).toBe(first.id);
    expect(await publish({ eventId: 'other', idempotencyKey: 'k' })).toEqual({
      outcome: 'conflict',
      key: 'idempotencyKey',
    });
    expect(accepted(await publish({ eventId: 'other', idempotencyKey: 'free' })).duplicate).toBe(false);
  });

  test('a refused publish leaves its other key free', async () => {
    await publish({ eventId: 'e', data: '1' });
    expect(await publish({ eventId: 'e', data: '2', idempotencyKey: 'k' })).toEqual({
      outcome: 'conflict',
      key: 'eventId',
    });
    expect(accepted(await publish({ data: '3', idempotencyKey: 'k' })).duplicate).toBe(false);
  });

  // Each publish either is the first with all of its keys, repeats a holder, or contradicts one. Whatever races, the
  // answers have to be those of some order in which the publishes came one after the other.
  interface Keys {
    eventId?: string | undefined;
    idempotencyKey?: string | undefined;
  }

  function oneAfterTheOther(publishes: readonly Keys[], order: readonly number[]): string[] {
    const holders = new Map<string, { by: number; eventId: string | undefined }>();
    const answers: string[] = publishes.map(() => '');
    for (const n of order) {
      const { eventId, idempotencyKey } = publishes[n] ?? {};
      const keys = [
        eventId === undefined ? [] : [`eventId ${eventId}`],
        idempotencyKey === undefined ? [] : [`idempotencyKey ${idempotencyKey}`],
      ].flat();
      const held = keys.flatMap((key) => holders.get(key) ?? []);
      const contradicted = keys.find((key) => holders.has(key) && holders.get(key)?.eventId !== eventId);
      if (contradicted !== undefined) answers[n] = `conflict ${contradicted.split(' ')[0]}`;
      else if (held[0] !== undefined) answers[n] = `as ${held[0].by}`;
      else {
        answers[n] = `as ${n}`;
        for (const key of keys) holders.set(key, { by: n, eventId });
      }
    }
    return answers;
  }

  function ordersOf(length: number): number[][] {
    if (length === 0) return [[]];
    return ordersOf(length - 1).flatMap((order) =>
      Array.from({ length }, (_, at) => [...order.slice(0, at), length - 1, ...order.slice(at)]),
    );
  }

  async function race(publishes: readonly Keys[], publishers: readonly Publisher[]): Promise<string[]> {
    const results = await Promise.all(
      publishes.map((keys, n) => publish({ ...keys, data: '"same"' }, publishers[n % publishers.length])),
    );
    const first = new Map<PublicId, number>();
    results.forEach((result, n) => {
      if (result.outcome === 'accepted' && !result.duplicate) first.set(result.id, n);
    });
    return results.map((result) =>
      result.outcome === 'accepted' ? `as ${first.get(result.id)}` : `conflict ${result.key}`,
    );
  }

  async function checkRace(publishes: readonly Keys[], publishers: readonly Publisher[]): Promise<void> {
    tenantId = await insertTenant(pipeline.database.pool);
    const answers = await race(publishes, publishers);
    const possible = ordersOf(publishes.length).map((order) => oneAfterTheOther(publishes, order).join(', '));
    expect(possible).toContain(answers.join(', '));
    expect(await orphanKeys()).toEqual([]);
    const stored = answers.filter((text, n) => text === `as ${n}`).length;
    expect(await count('messages')).toBe(stored);
    const keysOfStored = publishes
      .filter((_, n) => answers[n] === `as ${n}`)
      .flatMap((keys) => Object.values(keys).filter(Boolean));
    expect(await count('message_keys')).toBe(keysOfStored.length);
  }

  test('publishes that share one key each, at the same instant, leave no key behind and are answered right', async () => {
    const publishers = [0, 1, 2].map(() => createGroupCommitPublisher({ ...pipeline.dispatch, ...pipeline }));
    const publishes = [
      { eventId: '1', idempotencyKey: 'K1' },
      { eventId: '1', idempotencyKey: 'K2' },
      { eventId: '2', idempotencyKey: 'K2' },
    ];
    for (let round = 0; round < 40; round++) {
      const turned = publishes.map((_, n) => publishes[(n + round) % 3] ?? {});
      await checkRace(turned, round % 4 === 3 ? [pipeline.publisher] : publishers);
    }
  });

  test('any handful of publishes over few keys is answered as if they had come one after the other', async () => {
    const publishers = [0, 1, 2, 3].map(() => createGroupCommitPublisher({ ...pipeline.dispatch, ...pipeline }));
    const key = (names: string[]) => fc.option(fc.constantFrom(...names), { nil: undefined, freq: 3 });
    const keys = fc.record({ eventId: key(['1', '2']), idempotencyKey: key(['K1', 'K2', 'K3']) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(keys, { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 4 }),
        (publishes, processes) => checkRace(publishes, publishers.slice(0, processes)),
      ),
      { numRuns: 60 },
    );
  });
});
