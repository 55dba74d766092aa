import type { PlatformConfig } from '../../../infra/platform/config';
import { WebhookRefusal } from '../refusals';
import { checkUrl } from './check-url';

/**
 * Checks an address given for an endpoint to fail over to, as that of the endpoint itself.
 *
 * @throws WebhookRefusal when it may not be used, or is the endpoint's own
 */
export async function checkFallback(
  config: PlatformConfig,
  fallbackUrl: string,
  url: string | undefined,
): Promise<void> {
  if (fallbackUrl === url) {
    throw new WebhookRefusal('unusable-url', "the fallback must not be the endpoint's own url", {
      field: ['fallbackUrl'],
    });
  }
  await checkUrl(config, fallbackUrl, 'fallbackUrl');
}
