import { progress } from '../kit/progress';
import type { Stack } from '../kit/stack';
import { median, round } from '../kit/statistics';
import { addHistory, addIdleEndpoints } from './growth-data';
import { describeMaximum, type MaximumResult, measureMaximum, type StepDeps } from './step';
import { EVENT_TYPE, SENDERS, type System, waybill } from './system';

const ENDPOINTS = [1, 100, 1_000, 10_000];
const FAN_OUT = [1, 10, 100];
const PAYLOAD_KIB = [1, 4, 16, 64, 256];

const PAYLOAD_BYTES = 1_024;
/** Most bytes under way, so that a large payload does not measure how much memory there is. */
const BYTES_UNDER_WAY = 16 * 2 ** 20;
const FEWEST_SENDERS = 16;

export interface GrowthOptions {
  rounds: number;
  /** Seconds of load per step. */
  seconds: number;
  /** Deliveries kept, ascending. */
  history: readonly number[];
}

/** One size of what grows, and its measurement. */
export interface GrowthPoint {
  size: number;
  deliveriesPerSecond: number;
  publishesPerSecond: number;
  /** To the first size's deliveries a second. */
  ratio: number;
}

export interface Growth {
  /** Endpoints in the tenant, of which one matches. */
  endpoints: GrowthPoint[];
  /** Endpoints that each message goes to. */
  fanOut: GrowthPoint[];
  /** Payload in KiB. */
  payload: GrowthPoint[];
  /** Deliveries kept in the database, with their messages and attempts. */
  history: GrowthPoint[];
}

interface Case {
  size: number;
  system: System;
  senders?: number;
}

/** Measures how Waybill's maximum changes as one thing grows and all else stays as it is. */
export async function measureGrowth(stack: Stack, deps: StepDeps, options: GrowthOptions): Promise<Growth> {
  const inTurns = (what: string, cases: readonly Case[]) => measureInTurns(deps, options, what, cases);
  return {
    endpoints: await inTurns('endpoints in the tenant', await endpointCases(stack)),
    fanOut: await inTurns('endpoints a message', await fanOutCases(stack)),
    payload: await inTurns('KiB of payload', payloadCases(stack)),
    history: await measureHistory(stack, deps, options),
  };
}

async function measureInTurns(
  deps: StepDeps,
  { rounds, seconds }: GrowthOptions,
  what: string,
  cases: readonly Case[],
): Promise<GrowthPoint[]> {
  const results = cases.map((): MaximumResult[] => []);
  for (let turn = 1; turn <= rounds; turn++) {
    for (const [index, { size, system, senders }] of cases.entries()) {
      const result = await measureMaximum(deps, system, seconds, senders);
      results[index]?.push(result);
      progress(`${size} ${what}, round ${turn}: ${describeMaximum(result)}`);
    }
  }
  for (const { system } of cases) system.connections.close();
  return cases.map(({ size, system }, index) => point(size, system.copies, results[index] ?? [], results[0] ?? []));
}

function point(
  size: number,
  copies: number,
  own: readonly MaximumResult[],
  first: readonly MaximumResult[],
): GrowthPoint {
  const middle = (results: readonly MaximumResult[]) => median(results.map((result) => result.deliveriesPerSecond));
  return {
    size,
    deliveriesPerSecond: round(middle(own), 0),
    publishesPerSecond: round(middle(own) / copies, 0),
    ratio: round(middle(own) / middle(first), 3),
  };
}

/** A tenant of its own for each number, so that they can be measured in turns. */
async function endpointCases(stack: Stack): Promise<Case[]> {
  const cases: Case[] = [];
  for (const size of ENDPOINTS) {
    const tenant = (await stack.client.call('POST', '/v1/tenants', { name: `${size} endpoints` })) as { id: string };
    const request = { name: 'bench', scopes: ['*'], tenantId: tenant.id };
    const { key } = (await stack.client.call('POST', '/v1/api-keys', request)) as { key: string };
    await stack.clientOf(key).call('POST', '/v1/endpoints', { url: stack.receiver.url(0), eventTypes: [EVENT_TYPE] });
    await addIdleEndpoints(stack.pool, tenant.id, size - 1, stack.receiver.url(0));
    cases.push({ size, system: waybill(stack, { key, payloadBytes: PAYLOAD_BYTES }) });
  }
  return cases;
}

async function fanOutCases(stack: Stack): Promise<Case[]> {
  const cases: Case[] = [];
  for (const size of FAN_OUT) {
    const eventType = `bench.fanout.${size}`;
    for (let endpoint = 0; endpoint < size; endpoint++) {
      await stack.client.call('POST', '/v1/endpoints', { url: stack.receiver.url(endpoint), eventTypes: [eventType] });
    }
    const senders = Math.max(FEWEST_SENDERS, Math.round(SENDERS / size));
    const system = waybill(stack, { eventType, payloadBytes: PAYLOAD_BYTES, copies: size });
    cases.push({ size, system, senders });
  }
  return cases;
}

function payloadCases(stack: Stack): Case[] {
  return PAYLOAD_KIB.map((size) => {
    const payloadBytes = size * 1_024;
    const senders = Math.min(SENDERS, Math.max(FEWEST_SENDERS, Math.floor(BYTES_UNDER_WAY / payloadBytes)));
    return { size, senders, system: waybill(stack, { payloadBytes }) };
  });
}

/** History only grows, so its sizes follow one another, each measured equally often. */
async function measureHistory(
  stack: Stack,
  deps: StepDeps,
  { rounds, seconds, history }: GrowthOptions,
): Promise<GrowthPoint[]> {
  const system = waybill(stack, { payloadBytes: PAYLOAD_BYTES });
  const all: MaximumResult[][] = [];
  let kept = 0;
  for (const size of history) {
    progress(`inserting ${size - kept} deliveries with their messages and attempts`);
    await addHistory(stack.pool, kept, size, deps.signal);
    kept = size;
    const results: MaximumResult[] = [];
    for (let turn = 1; turn <= rounds; turn++) {
      const result = await measureMaximum(deps, system, seconds);
      results.push(result);
      progress(`${size} deliveries kept, round ${turn}: ${describeMaximum(result)}`);
    }
    all.push(results);
  }
  system.connections.close();
  return history.map((size, index) => point(size, 1, all[index] ?? [], all[0] ?? []));
}
