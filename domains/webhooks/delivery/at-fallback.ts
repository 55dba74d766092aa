import type { EndpointConfig } from './endpoint-config-cache';

/**
 * The endpoint with its fallback URL in the place of its own; undefined when it has none. Custom headers were given for
 * the endpoint's own origin, and do not follow to another.
 */
export function atFallback(endpoint: EndpointConfig): EndpointConfig | undefined {
  const { url, fallbackUrl } = endpoint;
  if (fallbackUrl === undefined) return undefined;
  const sameOrigin = new URL(url).origin === new URL(fallbackUrl).origin;
  return { ...endpoint, url: fallbackUrl, headers: sameOrigin ? endpoint.headers : {} };
}
