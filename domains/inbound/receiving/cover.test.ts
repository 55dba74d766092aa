import type { Client } from '@temporalio/client';
import { newId } from '../../../core/ids';
import { createLogger } from '../../../infra/log';
import type { NewEvent } from '../store/accept';
import { createInboundCover } from './cover';

const sourceId = newId('src');

function event(): NewEvent {
  return {
    id: newId('inb'),
    tenantId: newId('ten'),
    sourceId,
    revision: 1,
    address: '192.0.2.1',
    externalId: undefined,
    key: Buffer.alloc(32),
    workflowId: '',
    headers: {},
    body: Buffer.alloc(0),
    createdAt: new Date(),
  };
}

/** A cover, and the workflows that it has started. */
function open(start: (workflowId: string) => Promise<void> = async () => {}) {
  const started: string[] = [];
  const client = {
    workflow: {
      start: async (_type: string, { workflowId }: { workflowId: string }) => {
        started.push(workflowId);
        await start(workflowId);
      },
    },
  } as unknown as Client;
  const cover = createInboundCover(
    { client, config: { WAYBILL_TASK_QUEUE: 't' } },
    { ownWorkflowsPerSecond: 10, log: createLogger('silent', 'test') },
  );
  const assigned = (count: number) =>
    Array.from({ length: count }, () => {
      const next = event();
      return { ...next, workflowId: cover.assign(next) };
    });
  return { cover, started, assigned };
}

const isShared = ({ workflowId }: NewEvent) => workflowId.startsWith('inbound/batch_');

test('at low load each event has a workflow of its own, started once it is stored', async () => {
  const { cover, started, assigned } = open();
  const [one, other] = assigned(2);
  if (one === undefined || other === undefined) throw new Error('not assigned');
  expect([one, other].map(({ workflowId }) => workflowId)).toEqual(
    [one, other].map(({ id }) => `inbound/${sourceId}/${id}`),
  );
  cover.report(one, true);
  cover.report(other, false);
  await cover.drain();
  expect(started).toEqual([one.workflowId]);
});

test('under load they share one, started when all that were assigned to it are stored or not', async () => {
  const { cover, started, assigned } = open();
  const events = assigned(200);
  const shared = events.filter(isShared);
  expect(shared.length).toBeGreaterThan(150);
  expect(new Set(shared.map(({ workflowId }) => workflowId)).size).toBe(1);
  const [last, ...others] = shared;
  for (const one of others) cover.report(one, one !== others[0]);
  const drained = cover.drain();
  expect(started).toEqual([]);
  if (last !== undefined) cover.report(last, true);
  await drained;
  await cover.drain();
  expect(started).toEqual([shared[0]?.workflowId]);
});

test('what shares a workflow and is not stored starts none; a start that fails is left to the sweep', async () => {
  const { cover, started, assigned } = open(() => Promise.reject(new Error('Temporal is away')));
  for (const one of assigned(100)) cover.report(one, !isShared(one));
  await cover.drain();
  expect(started.filter((workflowId) => workflowId.startsWith('inbound/batch_'))).toEqual([]);
  expect(started.length).toBeGreaterThan(0);
});
