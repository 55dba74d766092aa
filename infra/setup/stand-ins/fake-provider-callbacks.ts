import { randomBytes } from 'node:crypto';
import { parseSecret, sign } from '../../../domains/webhooks';

export interface CallbackOptions {
  /** Where callbacks are sent to. */
  url: string;
  /** `whsec_…`: signs them as Standard Webhooks says. */
  secret: string;
  /** How often each callback is sent, even if accepted. Default 1; 2 sends each twice. */
  copies?: number;
  /** Between tries of a callback that was not accepted. Default 500 ms. */
  retryMs?: number;
}

export interface Callbacks {
  /** @returns its id: the `webhook-id` that `sent` has */
  send(type: string, data: object): string;
  /** What was sent, and the answer's status. */
  readonly sent: readonly { type: string; id: string; status: number }[];
  close(): void;
}

const MAX_TRIES = 20;

/** Sends callbacks until they are accepted. */
export function createCallbacks(options: CallbackOptions): Callbacks {
  const { url, secret, copies = 1, retryMs = 500 } = options;
  const key = parseSecret(secret);
  if (key === undefined) throw new Error('the callbacks need a whsec_ secret');
  const sent: { type: string; id: string; status: number }[] = [];
  let open = true;

  async function deliver(type: string, id: string, body: string): Promise<void> {
    for (let attempt = 1; open && attempt <= MAX_TRIES; attempt++) {
      const timestamp = Math.floor(Date.now() / 1000);
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': sign([key as Buffer], id, timestamp, body),
        },
        body,
      }).catch(() => undefined);
      sent.push({ type, id, status: response?.status ?? 0 });
      await response?.body?.cancel();
      if (response?.ok === true) return;
      await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
    }
  }

  return {
    send(type, data) {
      const id = `cb_${randomBytes(12).toString('hex')}`;
      const body = JSON.stringify({ id, type, created_at: new Date().toISOString(), data });
      for (let copy = 0; copy < copies; copy++) deliver(type, id, body).catch(() => undefined);
      return id;
    },
    sent,
    close: () => {
      open = false;
    },
  };
}
