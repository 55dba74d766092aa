import type { z } from 'zod';
import type { Charge } from '../rules/charge';
import { ProviderRefused } from '../rules/errors';
import {
  type Authorisation,
  type Capture,
  type PaymentProvider,
  type ProviderRefund,
  ProviderUnavailable,
  type Voiding,
} from './provider';
import { createTransport, type ProviderAnswer, type TransportOptions } from './transport';
import { chargeSchema, chargesSchema, errorSchema, refundSchema, refundsSchema } from './wire';

export type HttpProviderOptions = TransportOptions;

/** A provider over HTTP. Its answers are not trusted: they are read with a size limit, a deadline and a schema. */
export function createHttpProvider(options: HttpProviderOptions): PaymentProvider {
  const call = createTransport(options);

  async function lookUp(reference: string): Promise<Charge[]> {
    const answer = await call('GET', `/v1/charges?reference=${encodeURIComponent(reference)}`);
    return expectOk(answer, chargesSchema).data;
  }

  return {
    async authorise({ reference, amount, currency, token, idempotencyKey }): Promise<Authorisation> {
      const body = { reference, amount: amount.toString(), currency, source: token };
      const answer = await call('POST', '/v1/charges', body, idempotencyKey);
      const refusal = cardRefusal(answer);
      if (refusal !== undefined) return { outcome: 'declined', code: refusal };
      return { outcome: 'answered', charge: expectOk(answer, chargeSchema) };
    },

    async capture({ chargeId, amount, idempotencyKey }): Promise<Capture> {
      const path = `/v1/charges/${encodeURIComponent(chargeId)}/capture`;
      const answer = await call('POST', path, { amount: amount.toString() }, idempotencyKey);
      const refusal = cardRefusal(answer);
      if (refusal !== undefined) return { outcome: 'refused', code: refusal };
      return { outcome: 'answered', charge: expectOk(answer, chargeSchema) };
    },

    async void({ reference, idempotencyKey }): Promise<Voiding> {
      const answer = await call('POST', '/v1/voids', { reference }, idempotencyKey);
      if (answer.status !== 409) {
        expectOk(answer, chargesSchema);
        return { outcome: 'voided' };
      }
      const charges = await lookUp(reference);
      if (!charges.some(({ state }) => state === 'captured')) throw refused(answer);
      return { outcome: 'captured' };
    },

    async refund({ reference, chargeId, amount, idempotencyKey }): Promise<ProviderRefund> {
      const path = `/v1/charges/${encodeURIComponent(chargeId)}/refunds`;
      const answer = await call('POST', path, { reference, amount: amount.toString() }, idempotencyKey);
      const refusal = cardRefusal(answer);
      if (refusal !== undefined) return { outcome: 'refused', code: refusal };
      return { outcome: 'answered', refund: expectOk(answer, refundSchema) };
    },

    lookUp,

    async lookUpRefund(reference) {
      const answer = await call('GET', `/v1/refunds?reference=${encodeURIComponent(reference)}`);
      return expectOk(answer, refundsSchema).data;
    },
  };
}

/** The code of a refusal by the card rather than the provider. */
function cardRefusal({ status, body }: ProviderAnswer): string | undefined {
  if (status !== 402) return undefined;
  return errorSchema.safeParse(body).data?.error.code ?? 'unknown';
}

/** A success in an unknown form is neither usable nor a refusal. */
function expectOk<S extends z.ZodType>(answer: ProviderAnswer, schema: S): z.output<S> {
  if (answer.status >= 400) throw refused(answer);
  const parsed = schema.safeParse(answer.body);
  if (answer.status >= 300 || !parsed.success) {
    throw new ProviderUnavailable(`the provider answered ${answer.status} in a form that is unknown`);
  }
  return parsed.data;
}

function refused({ status, body }: ProviderAnswer): ProviderRefused {
  const code = errorSchema.safeParse(body).data?.error.code ?? `http_${status}`;
  return new ProviderRefused(`the provider refused the call with ${status}: ${code}`, code);
}
