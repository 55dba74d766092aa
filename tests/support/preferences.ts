import { randomUUID } from 'node:crypto';
import type { TestApi } from './api-support';

/** Registers a subscriber by the API. @returns the answer's body */
export async function registerSubscriber(
  api: TestApi,
  fields: object = {},
): Promise<{ id: string; [name: string]: unknown }> {
  const body = { externalId: `c-${randomUUID()}`, destinations: [], ...fields };
  const answer = await api.call('POST', '/v1/subscribers', { body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
}

/** Registers one with an email address of their own. @returns their id and the address */
export async function registerReader(api: TestApi): Promise<{ id: string; address: string }> {
  const address = `reader-${randomUUID()}@example.com`;
  const { id } = await registerSubscriber(api, { destinations: [{ channel: 'email', address }] });
  return { id, address };
}

/** Lays down categories by the API: keys with their policies. */
export async function laydown(
  api: TestApi,
  categories: Record<string, 'opt_in' | 'opt_out' | 'required'>,
): Promise<void> {
  for (const [key, policy] of Object.entries(categories)) {
    const body = { key, name: key, policy, commercial: policy !== 'required' };
    const answer = await api.call('POST', '/v1/categories', { body });
    if (answer.status !== 201) throw new Error(answer.text);
  }
}

/** What may be sent to somebody by email. @returns the decision */
export async function check(api: TestApi, id: string, query = 'channel=email&category=news') {
  const answer = await api.call('GET', `/v1/subscribers/${id}/check?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
}
