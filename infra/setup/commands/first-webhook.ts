import * as fs from 'node:fs';
import path from 'node:path';
import { WorkflowNotFoundError } from '@temporalio/client';
import { z } from 'zod';
import { createTemporalClient } from '../../temporal/client';
import { waitFor } from '../processes/wait';
import { type ApiClient, ApiError } from './api-client';

const DELIVERED_WITHIN_MS = 60_000;
const WORKFLOW_WITHIN_MS = 30_000;

const endpointSchema = z.object({ id: z.string(), state: z.string() });
const secretSchema = z.object({ secret: z.string() });
const messageSchema = z.object({
  id: z.string(),
  createdAt: z.iso.datetime(),
  deliveries: z.array(z.object({ id: z.string(), endpointId: z.string() })),
});
const deliverySchema = z.object({
  id: z.string(),
  state: z.string(),
  workflowId: z.string(),
  workflowUrl: z.string(),
  lastError: z.string().nullish(),
});
const receivedSchema = z.object({
  data: z.array(z.object({ id: z.string(), verified: z.boolean(), receivedAt: z.number() })),
});

/** The endpoint that points to the bundled receiver. */
export interface OwnEndpoint {
  id: string;
  secret: string;
}

/** The outcome of the first webhook. */
export interface FirstWebhook {
  deliveryId: string;
  workflowId: string;
  /** Its page in Temporal Web UI; `undefined` if Web UI's address is unknown. */
  workflowUrl: string | undefined;
  /** From the message's acceptance by the API to its last byte at the receiver; both by this machine's clock. */
  acceptToReceivedMs: number;
}

/** Points the endpoint of an earlier start to the receiver's current address, or creates one. */
export async function ensureEndpoint(api: ApiClient, dataDir: string, url: string): Promise<OwnEndpoint> {
  const file = path.join(dataDir, 'receiver-endpoint');
  const known = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : undefined;
  const id = (known !== undefined && (await moveEndpoint(api, known, url))) || (await createEndpoint(api, url));
  fs.writeFileSync(file, `${id}\n`);
  const { secret } = secretSchema.parse(await api.call('GET', `/v1/endpoints/${id}/secret`));
  return { id, secret };
}

/** `undefined` if the endpoint no longer exists. */
async function moveEndpoint(api: ApiClient, id: string, url: string): Promise<string | undefined> {
  try {
    const { state } = endpointSchema.parse(await api.call('PATCH', `/v1/endpoints/${id}`, { url }));
    if (state !== 'enabled') await api.call('POST', `/v1/endpoints/${id}/enable`, {});
    return id;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

async function createEndpoint(api: ApiClient, url: string): Promise<string> {
  const description = 'The receiver that npm start runs';
  return endpointSchema.parse(await api.call('POST', '/v1/endpoints', { url, description, eventTypes: ['*'] })).id;
}

/**
 * Publishes a message through the REST API and follows it to the receiver. It is a test event for that endpoint alone:
 * other endpoints in the user's database that subscribe to everything do not hear of an order that nobody placed.
 *
 * @throws Error saying how far it got
 */
export async function sendFirstWebhook(options: {
  api: ApiClient;
  /** The endpoint that points to the receiver. */
  endpointId: string;
  receiverUrl: string;
  signal: AbortSignal;
}): Promise<FirstWebhook> {
  const { api, endpointId, receiverUrl, signal } = options;
  const payload = { message: 'The first webhook of this start.' };
  const message = messageSchema.parse(await api.call('POST', `/v1/endpoints/${endpointId}/test`, { payload }));
  const own = message.deliveries.find((delivery) => delivery.endpointId === endpointId);
  if (own === undefined) throw new Error(`Message ${message.id} was accepted, but has no delivery for ${endpointId}`);
  const delivery = await untilDelivered(api, own.id, signal);
  const receivedAt = await receivedAtOf(receiverUrl, message.id);
  await untilWorkflowIsThere(delivery.workflowId, signal);
  return {
    deliveryId: delivery.id,
    workflowId: delivery.workflowId,
    workflowUrl: delivery.workflowUrl,
    acceptToReceivedMs: receivedAt - Date.parse(message.createdAt),
  };
}

async function untilDelivered(api: ApiClient, deliveryId: string, signal: AbortSignal) {
  let last: z.infer<typeof deliverySchema> | undefined;
  const look = async () => {
    last = deliverySchema.parse(await api.call('GET', `/v1/deliveries/${deliveryId}`));
    return last.state === 'delivered' || last.state === 'dead' || last.state === 'cancelled' ? last : undefined;
  };
  const final = await waitFor(look, { withinMs: DELIVERED_WITHIN_MS, everyMs: 50, signal });
  if (final?.state === 'delivered') return final;
  const how = `${last?.state}${last?.lastError ? `, last error: ${last.lastError}` : ''}`;
  throw new Error(`Delivery ${deliveryId} is not delivered after ${DELIVERED_WITHIN_MS / 1000} s: it is ${how}`);
}

async function receivedAtOf(receiverUrl: string, messageId: string): Promise<number> {
  const response = await fetch(`${receiverUrl}/received`, { signal: AbortSignal.timeout(10_000) });
  const { data } = receivedSchema.parse(await response.json());
  const webhook = data.find((each) => each.id === messageId && each.verified);
  if (webhook === undefined) throw new Error(`The receiver has not got message ${messageId} with a right signature`);
  return webhook.receivedAt;
}

/** The workflow covers its delivery a moment after the first attempt; the link must work when it is shown. */
async function untilWorkflowIsThere(workflowId: string, signal: AbortSignal): Promise<void> {
  const { client, close } = createTemporalClient();
  const look = async () => {
    try {
      return (await client.workflow.getHandle(workflowId).describe()).workflowId;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  };
  try {
    if ((await waitFor(look, { withinMs: WORKFLOW_WITHIN_MS, signal })) !== undefined) return;
  } finally {
    await close();
  }
  throw new Error(`Temporal does not know workflow ${workflowId} after ${WORKFLOW_WITHIN_MS / 1000} s`);
}
