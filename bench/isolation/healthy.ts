import type { RequestMaker } from '../kit/request';
import type { Stack } from '../kit/stack';
import { addTenant, type BenchTenant } from '../kit/tenant';
import { addEndpoints, type EndpointWish, requestsInTurns } from './endpoints';
import { HEALTHY } from './plan';

/** The receiver's number for what the healthy tenant's endpoints get, and for that of its endpoint for commands. */
export const HEALTHY_NUMBER = 0;
export const COMMANDS_NUMBER = 1;

/** Of the messages to the endpoint for commands, one of so many fails at first and then waits for a command. */
export const COMMAND_EVERY = 4;
/** Until a delivery that nobody commands is attempted again: longer than any run. */
const COMMAND_RETRY = { schedule: ['6h'] };

/** The tenant whose webhooks must not suffer. */
export interface Healthy {
  tenant: BenchTenant;
  request: RequestMaker;
  /** For messages to an endpoint whose failed deliveries wait until they are retried or cancelled. */
  commandRequest: RequestMaker;
}

/** Registers the healthy tenant's endpoints at the stack's receiver, which answers at once. */
export async function addHealthy(stack: Stack): Promise<Healthy> {
  const tenant = await addTenant(stack, 'healthy');
  const eventTypes = Array.from({ length: HEALTHY.endpoints }, (_, index) => `healthy.e${index}`);
  const url = stack.receiver.url(HEALTHY_NUMBER, { failFirst: HEALTHY.failEvery });
  const wishes = eventTypes.map((eventType, index): EndpointWish => {
    return { url: `${url}&endpoint=${index}`, eventTypes: [eventType], retry: HEALTHY.retry };
  });
  const commands = {
    url: stack.receiver.url(COMMANDS_NUMBER, { failFirst: COMMAND_EVERY }),
    eventTypes: ['commands'],
    retry: COMMAND_RETRY,
    // What fails waits for a command, not for the endpoint.
    circuit: { enabled: false },
  };
  await addEndpoints(tenant, [...wishes, commands]);
  return {
    tenant,
    request: requestsInTurns(stack, tenant.key, eventTypes),
    commandRequest: requestsInTurns(stack, tenant.key, ['commands']),
  };
}
