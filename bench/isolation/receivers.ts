import { freePort, isFree } from '../../infra/setup/processes/ports';
import { ReceiverClient } from '../kit/receiver-client';
import type { Stack } from '../kit/stack';

/** Where the trouble's endpoints are. */
export interface TroubleReceivers {
  hangingUrl: string;
  drippingUrl: string;
  /** Nothing listens there. */
  refusingUrl: string;
  /** Fast; a process of its own, so that a fan-out does not hold up the receiver of healthy webhooks. */
  fanOut: ReceiverClient;
  /** Connections that the bad receivers hold, and the most they held at a time. */
  held(): Promise<unknown>;
}

const HOST = '127.0.0.1';
const ANSWER_WITHIN_MS = 5_000;
/**
 * Below the ports that systems give to outgoing connections: of these, one to itself would be among a thousand attempts
 * a second sooner or later, and would be accepted.
 */
const [LOWEST, HIGHEST] = [20_000, 32_000];

/** Starts the receivers of the trouble, beside the stack's own. */
export async function startTroubleReceivers(stack: Stack): Promise<TroubleReceivers> {
  const [hang, drip, status, fanOutPort, secondPort] = await freePorts();
  const statusUrl = `http://${HOST}:${status}/`;
  await stack.spawn(
    'Trouble',
    'dist/bench/isolation/trouble-receiver.js',
    { BENCH_HANG_PORT: String(hang), BENCH_DRIP_PORT: String(drip), BENCH_TROUBLE_PORT: String(status) },
    statusUrl,
  );
  await stack.spawn(
    'Fan-out',
    'dist/bench/kit/receiver.js',
    { BENCH_RECEIVER_PORT: String(fanOutPort), BENCH_RECEIVER_SECOND_PORT: String(secondPort) },
    `http://${HOST}:${fanOutPort}/`,
  );
  return {
    hangingUrl: `http://${HOST}:${hang}/hang`,
    drippingUrl: `http://${HOST}:${drip}/drip`,
    refusingUrl: `http://${HOST}:${await refusingPort()}/refuse`,
    fanOut: new ReceiverClient(fanOutPort, secondPort),
    held: async () => {
      const response = await fetch(statusUrl, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      return response.json();
    },
  };
}

async function refusingPort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port)) return port;
  }
}

async function freePorts(): Promise<[number, number, number, number, number]> {
  const ports = new Set<number>();
  while (ports.size < 5) ports.add(await freePort());
  return [...ports] as [number, number, number, number, number];
}
