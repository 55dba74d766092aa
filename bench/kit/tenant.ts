import type { ApiClient } from '../../infra/setup/commands/api-client';
import type { Stack } from './stack';

/** A tenant with a key of its own. */
export interface BenchTenant {
  id: string;
  key: string;
  client: ApiClient;
}

export async function addTenant(stack: Stack, name: string): Promise<BenchTenant> {
  const { id } = (await stack.client.call('POST', '/v1/tenants', { name })) as { id: string };
  const wish = { name: 'bench', scopes: ['*'], tenantId: id };
  const { key } = (await stack.client.call('POST', '/v1/api-keys', wish)) as { key: string };
  return { id, key, client: stack.clientOf(key) };
}
