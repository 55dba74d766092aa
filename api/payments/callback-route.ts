import { z } from 'zod';
import { CALLBACK_TYPES, type Callback, callbackSchema, keepCallback } from '../../domains/payments';
import { verifySignature } from '../../domains/webhooks';
import { parseJsonBody } from '../http/json-body';
import { Problem } from '../http/problems';
import type { RawInput, Route } from '../http/route';
import type { PaymentRouteDeps } from './deps';

const PATH = '/callbacks/payments';

/**
 * Where the provider reports what it did unasked. It has no API key; it signs the body's text instead, which is checked
 * here, at the door. A callback is answered once it is stored; a repeated one changes nothing.
 */
export function callbackRoute(deps: PaymentRouteDeps): Route {
  return {
    method: 'post',
    path: PATH,
    operationId: 'receivePaymentCallback',
    tag: 'Payments',
    summary: 'For the payment provider: report disputes, and what became of refunds',
    description:
      'Signed according to Standard Webhooks, with the secret in `WAYBILL_PAYMENT_PROVIDER_SECRET`. Unknown types are ' +
      'accepted and ignored.',
    scope: undefined,
    body: z.string().meta({
      description:
        'JSON: `{"type": "chargeback.opened", "data": {…}}`; also `chargeback.won`, `chargeback.lost`, `refund.succeeded`, `refund.failed`.',
    }),
    bodyAsText: true,
    responses: { 204: { description: 'It is accepted.' } },
    problems: ['signature-refused', 'not-found', 'validation-failed', 'unavailable'],
    prepare:
      (raw) =>
      async ({ request }) => {
        const text = verified(deps, raw);
        const callback = read(text);
        if (callback !== undefined) await keepCallback(deps, callback, request.log);
        return { status: 204 };
      },
  };
}

function verified({ config }: PaymentRouteDeps, { headers, body }: RawInput): string {
  const secret = config.WAYBILL_PAYMENT_PROVIDER_SECRET;
  if (secret === undefined) throw new Problem('not-found', { detail: 'No payment provider is configured.' });
  const text = typeof body === 'string' ? body : '';
  const header = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : '';
  };
  const verification = verifySignature({
    secret,
    headers: {
      id: header('webhook-id'),
      timestamp: header('webhook-timestamp'),
      signature: header('webhook-signature'),
    },
    body: text,
  });
  if (!verification.ok)
    throw new Problem('signature-refused', { detail: `The signature is refused: ${verification.reason}.` });
  return text;
}

/** @returns `undefined` for an unknown type */
function read(text: string): Callback | undefined {
  const value = parseJsonBody(text);
  const { type } = z.object({ type: z.string() }).safeParse(value).data ?? {};
  if (type === undefined || !CALLBACK_TYPES.has(type)) return undefined;
  const parsed = callbackSchema.safeParse(value);
  if (!parsed.success) throw new Problem('validation-failed', { detail: 'The callback is not in the known form.' });
  return parsed.data;
}
