import { closedLoop } from '../kit/closed-loop';
import { prepareRequests, type RequestMaker } from '../kit/request';
import type { Stack } from '../kit/stack';
import type { BenchTenant } from '../kit/tenant';
import { PAYLOAD_BYTES } from './plan';

/** What an endpoint is made of; what is left out stays at the product's default. */
export interface EndpointWish {
  url: string;
  eventTypes: string[];
  retry?: { schedule: string[] };
  circuit?: { enabled: boolean };
}

const AT_ONCE = 16;
const DELETE_WITHIN_MS = 5_000;

/** Registers endpoints, some at a time. @returns their ids, in order */
export async function addEndpoints({ client }: BenchTenant, wishes: readonly EndpointWish[]): Promise<string[]> {
  const ids: string[] = [];
  await closedLoop([...wishes.entries()], AT_ONCE, async ([index, wish]) => {
    const { id } = (await client.call('POST', '/v1/endpoints', wish)) as { id: string };
    ids[index] = id;
  });
  return ids;
}

/** Deletes endpoints until the time is up. @returns how many are left */
export async function deleteEndpoints(
  stack: Stack,
  { key }: BenchTenant,
  ids: readonly string[],
  withinMs: number,
): Promise<number> {
  const deadline = performance.now() + withinMs;
  let deleted = 0;
  await closedLoop(ids, AT_ONCE, async (id) => {
    if (performance.now() >= deadline) return;
    const signal = AbortSignal.timeout(DELETE_WITHIN_MS);
    const headers = { authorization: `Bearer ${key}` };
    const url = `http://127.0.0.1:${stack.apiPort}/v1/endpoints/${id}`;
    const answer = await fetch(url, { method: 'DELETE', headers, signal }).catch(() => undefined);
    if (answer?.ok === true) deleted++;
  });
  return ids.length - deleted;
}

/**
 * Prepared requests for several event types, taken in turns. Each round begins one further on, so that what is done to
 * every n-th message is not always done to the same event type.
 */
export function requestsInTurns(stack: Stack, key: string, eventTypes: readonly string[]): RequestMaker {
  const makers = eventTypes.map((eventType) =>
    prepareRequests({ port: stack.apiPort, path: '/v1/messages', key, eventType, payloadBytes: PAYLOAD_BYTES }),
  );
  return (step, sequence) => {
    const maker = makers[(sequence + Math.floor(sequence / makers.length)) % makers.length];
    if (maker === undefined) throw new Error('no event type to publish');
    return maker(step, sequence);
  };
}
