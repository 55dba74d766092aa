import { readFileSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import { createGuardedClient, type GuardedClient, type GuardedResult } from '../../../infra/http/guarded-client';
import type { Platform } from '../../../infra/platform/platform';
import { SnsUnreachable } from '../refusals';
import type { SnsMessage } from '../rules/sns';
import { type SigningKey, signingKeyOf } from '../rules/sns-certificate';

/** SNS waits 15 seconds for an answer, and a new subscription's takes two of these. */
const TIMEOUT_MS = 5_000;
/** A certificate has less than 4 KiB; some come with those of who issued them. */
const MAX_BYTES = 32_768;
const MAX_KEYS = 200;
const KEY_TTL_MS = 24 * 3_600_000;
/** Addresses where there is no certificate are asked again, but not for every message that names one. */
const MAX_NOTHINGS = 2_000;
const NOTHING_TTL_MS = 60_000;
const MAX_FETCHES = 32;
const SOCKETS = 4;

/** What is asked of SNS itself. */
export interface Sns {
  /**
   * The key that a message claims to be signed with; none when there is no certificate of SNS at its address.
   *
   * @throws SnsUnreachable
   */
  keyFor(message: Pick<SnsMessage, 'certificateUrl'>): Promise<Buffer | undefined>;
  /** Confirms a subscription. To be called only once the message is verified. @throws SnsUnreachable */
  confirm(confirmUrl: string): Promise<void>;
}

/** Opens it, once per process: `platform.once(openSns)`. */
export function openSns(platform: Platform): Sns {
  const { WAYBILL_ALLOW_PRIVATE_NETWORKS: allowPrivateNetworks, WAYBILL_EXTRA_CA_FILE: file } = platform.config;
  const client = createGuardedClient({
    // The names are those of SNS; its addresses are private where the operator has brought it into his network.
    policy: { allowPrivateNetworks, allowHttp: false, allowedPorts: [443] },
    socketsPerOrigin: SOCKETS,
    ...(file === undefined ? {} : { extraCa: readFileSync(file, 'utf8') }),
  });
  platform.onClose(() => client.close());
  return createSns(client);
}

export function createSns(client: Pick<GuardedClient, 'send'>): Sns {
  const keys = new LRUCache<string, SigningKey>({ max: MAX_KEYS });
  const nothings = new LRUCache<string, true>({ max: MAX_NOTHINGS, ttl: NOTHING_TTL_MS });
  const fetching = new Map<string, Promise<SigningKey | undefined>>();

  const fetch = (url: string) =>
    client.send({
      url,
      method: 'GET',
      headers: {},
      body: '',
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MAX_BYTES,
      keepBytes: MAX_BYTES,
    });

  async function load(url: string): Promise<SigningKey | undefined> {
    const text = textOf(await fetch(url), 'its certificate');
    const nowMs = Date.now();
    const found = text === undefined ? undefined : signingKeyOf(text, nowMs);
    if (found === undefined) nothings.set(url, true);
    else keys.set(url, found, { ttl: Math.max(1, Math.min(KEY_TTL_MS, found.validUntilMs - nowMs)) });
    return found;
  }

  function loadOnce(url: string): Promise<SigningKey | undefined> {
    const known = fetching.get(url);
    if (known !== undefined) return known;
    if (fetching.size >= MAX_FETCHES) throw new SnsUnreachable('Too many certificates of SNS are being fetched.');
    const loading = load(url).finally(() => fetching.delete(url));
    fetching.set(url, loading);
    return loading;
  }

  return {
    async keyFor({ certificateUrl }) {
      if (nothings.has(certificateUrl)) return undefined;
      return (keys.get(certificateUrl) ?? (await loadOnce(certificateUrl)))?.key;
    },
    async confirm(confirmUrl) {
      if (textOf(await fetch(confirmUrl), 'a confirmation') === undefined)
        throw new SnsUnreachable('SNS does not confirm the subscription: subscribe this address to the topic again.');
    },
  };
}

/** What was answered, if anything is there; `undefined` if not. @throws SnsUnreachable when that is not known */
function textOf(result: GuardedResult, what: string): string | undefined {
  if (!result.ok) throw new SnsUnreachable(`SNS could not be asked for ${what}: ${result.detail}.`);
  const { status, body, truncated } = result;
  if (status === 200) return truncated ? undefined : body;
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) return undefined;
  throw new SnsUnreachable(`SNS answered ${status} when asked for ${what}.`);
}
