import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../kit/stack';
import { CATEGORY, OPT_INS_SHARE } from './actor-settings';
import type { Witness } from './witness';

const REQUEST_WITHIN_MS = 10_000;
const PAUSE_MS = 250;

export interface Callers {
  stack: Stack;
  /** Of the tenant. */
  key: string;
  subscribers: readonly string[];
  witness: Witness;
  /** Ends them. */
  signal: AbortSignal;
}

/** People of the tenant, each with one request after the other: notifications that workers send, and changes. */
export async function callApi(callers: Callers, { senders, changers }: { senders: number; changers: number }) {
  const loops = [
    ...Array.from({ length: senders }, () => repeat(callers, notify)),
    ...Array.from({ length: changers }, () => repeat(callers, change)),
  ];
  await Promise.all(loops);
}

async function repeat(callers: Callers, work: (callers: Callers, subscriberId: string) => Promise<boolean>) {
  const { subscribers, signal } = callers;
  while (!signal.aborted) {
    const subscriberId = subscribers[Math.floor(Math.random() * subscribers.length)] ?? '';
    const isDone = await work(callers, subscriberId).catch(() => false);
    if (!isDone) await sleep(PAUSE_MS);
  }
}

async function notify(callers: Callers, subscriberId: string): Promise<boolean> {
  const content = { in_app: { title: 'Hello', body: 'There' } };
  const response = await post(callers, '/v1/notifications', { subscriberId, category: CATEGORY, content });
  await response.text();
  return response.ok;
}

async function change(callers: Callers, subscriberId: string): Promise<boolean> {
  const id = randomUUID();
  const wanted = Math.random() < OPT_INS_SHARE;
  callers.witness.ask(id, subscriberId, wanted);
  const path = `/v1/subscribers/${subscriberId}/preferences/${wanted ? 'opt-in' : 'opt-out'}`;
  const response = await post(callers, path, { choices: [{ category: CATEGORY }] });
  const at = Date.now() + 1;
  if (!response.ok) {
    await response.text();
    return false;
  }
  const { version } = (await response.json()) as { version: number };
  callers.witness.answer(id, { version, at });
  return true;
}

/** @returns as soon as it is answered, before its body is read */
function post({ stack, key }: Callers, path: string, body: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${stack.apiPort}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_WITHIN_MS),
  });
}
