import { setTimeout as sleep } from 'node:timers/promises';
import { Connections } from '../kit/connections';
import { prepareRequests, type RequestMaker } from '../kit/request';
import type { Stack } from '../kit/stack';
import type { Load, SendLog } from './load';

/** Something that takes messages in and delivers them: Waybill, or the naive server. */
export interface System {
  name: 'waybill' | 'naive';
  connections: Connections;
  request: RequestMaker;
  /** How it is loaded with as much as it takes; by default with single messages. */
  sendMost?(load: Load, senders: number, seconds: number): Promise<SendLog>;
  /** How many times the receiver should get each message. */
  copies: number;
  /** Resolves when no work on delivered messages is left, or the time is up. */
  settle(withinMs: number): Promise<void>;
}

export const EVENT_TYPE = 'bench.message';
/** Under the closed loop each of these always has a message under way. */
export const SENDERS = 256;
const REQUEST_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 100;

export interface WaybillOptions {
  key?: string;
  eventType?: string;
  payloadBytes: number;
  copies?: number;
}

/** Waybill, as a tenant with a matching endpoint uses it. */
export function waybill(stack: Stack, options: WaybillOptions): System {
  const { key = stack.adminKey, eventType = EVENT_TYPE, payloadBytes, copies = 1 } = options;
  return {
    name: 'waybill',
    connections: connectionsTo(stack.apiPort),
    request: prepareRequests({ port: stack.apiPort, path: '/v1/messages', key, eventType, payloadBytes }),
    copies,
    settle: (withinMs) => untilQuiet(stack, withinMs),
  };
}

/** The naive server on a port. */
export function naive(port: number, payloadBytes: number): System {
  return {
    name: 'naive',
    connections: connectionsTo(port),
    request: prepareRequests({ port, path: '/messages', eventType: EVENT_TYPE, payloadBytes }),
    copies: 1,
    settle: () => Promise.resolve(),
  };
}

function connectionsTo(port: number): Connections {
  return new Connections({ port, max: SENDERS, timeoutMs: REQUEST_TIMEOUT_MS });
}

/**
 * Covering workflows end a little after the deliveries; they must not take processor time from the next measurement.
 */
async function untilQuiet(stack: Stack, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const open = (await stack.open.deliveries()) + (await stack.open.workflows());
    if (open === 0 || performance.now() >= deadline) return;
    await sleep(LOOK_EVERY_MS);
  }
}
