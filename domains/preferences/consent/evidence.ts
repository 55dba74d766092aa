import type { Platform } from '../../../infra/platform/platform';
import { evidencePlace, subscriberKey } from '../sealing';
import type { ConsentEntry } from '../store/consent';
import type { Subscriber } from '../store/subscribers';

/**
 * What of an entry's payload people may read: without its ids' repetition, and with the evidence opened.
 *
 * @returns `evidence`: undefined where there is none, or the subscriber is erased and nobody can read it any more
 */
export function openEvidence(
  { keyring }: Pick<Platform, 'keyring'>,
  subscriber: Pick<Subscriber, 'id' | 'dataKey'>,
  { subject: changeId, payload }: Pick<ConsentEntry, 'subject' | 'payload'>,
): Record<string, string> | undefined {
  const sealed = sealedIn(payload);
  const ring = subscriberKey(keyring, subscriber);
  if (sealed === undefined || ring === undefined) return undefined;
  try {
    const text = ring.decrypt(Buffer.from(sealed, 'base64'), evidencePlace(changeId));
    return JSON.parse(text) as Record<string, string>;
  } catch {
    // Somebody has altered it, as the verification says; the rest of the log can still be read.
    return undefined;
  }
}

function sealedIn(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const evidence: unknown = Reflect.get(payload, 'evidence');
  return typeof evidence === 'string' ? evidence : undefined;
}
