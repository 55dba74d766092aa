import type { RequestMaker } from '../kit/request';
import type { Stack } from '../kit/stack';
import { addTenant, type BenchTenant } from '../kit/tenant';
import { addEndpoints, type EndpointWish, requestsInTurns } from './endpoints';
import type { Plan, TroubleKind, TroubleSpec } from './plan';
import type { TroubleReceivers } from './receivers';

/** Endpoints that make trouble, in a tenant of their own, and the load on them. */
export interface Trouble {
  kind: TroubleKind;
  /** Whether its endpoints never take anything. */
  dead: boolean;
  tenant: BenchTenant;
  endpointIds: string[];
  request: RequestMaker;
  perSecond: number;
}

/**
 * Registers the endpoints of one kind of trouble, with the product's own retry schedule and timeout. Each message goes to
 * one of them, of the fan-out to all.
 */
export async function addTrouble(
  stack: Stack,
  receivers: TroubleReceivers,
  { kind, endpoints, perSecond }: TroubleSpec,
  plan: Plan,
): Promise<Trouble> {
  const tenant = await addTenant(stack, `${kind} ${endpoints}`);
  const fanOut = kind === 'fanOut';
  const eventTypes = fanOut ? [kind] : Array.from({ length: endpoints }, (_, index) => `${kind}.e${index}`);
  const wishes = Array.from({ length: endpoints }, (_, index): EndpointWish => {
    return { url: urlOf(receivers, kind, index), eventTypes: [eventTypes[index % eventTypes.length] ?? kind] };
  });
  return {
    kind,
    dead: !fanOut,
    tenant,
    endpointIds: await addEndpoints(tenant, wishes),
    request: requestsInTurns(stack, tenant.key, eventTypes),
    perSecond: perSecond ?? plan.fanOuts / plan.seconds,
  };
}

function urlOf(receivers: TroubleReceivers, kind: TroubleKind, index: number): string {
  switch (kind) {
    case 'hanging':
      return `${receivers.hangingUrl}/${index}`;
    case 'refusing':
      return `${receivers.refusingUrl}/${index}`;
    case 'dripping':
      return `${receivers.drippingUrl}/${index}`;
    case 'fanOut':
      return receivers.fanOut.url(index);
  }
}
