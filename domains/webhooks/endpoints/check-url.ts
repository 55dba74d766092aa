import { checkUrlAndResolve } from '../../../infra/http/address-policy';
import type { PlatformConfig } from '../../../infra/platform/config';
import { addressPolicy } from '../delivery/open-delivery';

/** Whether an endpoint's address may be used, and if not, why, in words for whoever gave it. */
export type UrlCheck = { ok: true } | { ok: false; reason: string };

/** Judges an endpoint's address when it is given: scheme, host, and what the name resolves to. */
export function checkEndpointUrl(config: PlatformConfig, url: string): Promise<UrlCheck> {
  return checkUrlAndResolve(url, addressPolicy(config));
}
