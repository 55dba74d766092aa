import { checkUrlAndResolve } from '../../../infra/http/address-policy';
import type { PlatformConfig } from '../../../infra/platform/config';
import { addressPolicy } from '../config';
import { WebhookRefusal } from '../refusals';

/** Checks an address given for an endpoint: scheme, host, and what the name resolves to. @throws WebhookRefusal */
export async function checkUrl(config: PlatformConfig, url: string, field = 'url'): Promise<void> {
  const verdict = await checkUrlAndResolve(url, addressPolicy(config));
  if (!verdict.ok) throw new WebhookRefusal('unusable-url', verdict.reason, { field: [field] });
}
