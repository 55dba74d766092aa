import { type Hidden, hiddenOf, SHORTEST_SIGNATURE, signatureForms } from '../rules/echo-forms';
import { redactEcho } from '../rules/redact-echo';
import type { EndpointConfig } from './endpoint-config-cache';

/** Made when an endpoint's receiver first says something. */
const hidden = new WeakMap<object, Hidden>();

/**
 * A receiver's text as it may be stored: whoever reads deliveries is not to learn the endpoint's custom headers, its signing
 * secrets or a signature from a receiver that repeats them.
 */
export function withoutSecrets(
  text: string,
  endpoint: Pick<EndpointConfig, 'keys' | 'headers'>,
  { signature, cut = false }: { signature: string; cut?: boolean },
): string {
  let known = hidden.get(endpoint);
  if (known === undefined) {
    const keys = endpoint.keys.map(({ key }) => key);
    known = hiddenOf(endpoint.headers, keys);
    hidden.set(endpoint, known);
  }
  const mayHoldSignature = cut || text.length >= SHORTEST_SIGNATURE;
  return redactEcho(text, {
    hidden: known,
    cut,
    ...(mayHoldSignature ? { more: () => signatureForms(signature) } : {}),
  });
}
