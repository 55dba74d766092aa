import { newSecret } from '../../domains/webhooks/rules/signature';
import { freePort } from '../../infra/setup/processes/ports';
import { type Stack, type StackOptions, startStack } from '../kit/stack';

/** A stack with a payment provider, and a merchant to pay. */
export interface PaymentStack {
  stack: Stack;
  providerUrl: string;
  tenantId: string;
  merchantId: string;
  /** The provider's settings, as API and worker have them. */
  env: Record<string, string>;
}

export interface PaymentStackOptions extends StackOptions {
  /** For the provider: how it fails, as in `infra/setup/stand-ins/fake-provider-main.ts`. */
  providerEnv?: Record<string, string>;
}

const HOST = '127.0.0.1';

/** Brings up everything that a card payment needs, with the provider as a process of its own. */
export async function startPaymentStack(options: PaymentStackOptions): Promise<PaymentStack> {
  const port = await freePort();
  const providerUrl = `http://${HOST}:${port}`;
  const env = {
    WAYBILL_PAYMENT_PROVIDER_URL: providerUrl,
    WAYBILL_PAYMENT_PROVIDER_SECRET: newSecret(),
    ...options.env,
  };
  const stack = await startStack({ ...options, env });
  try {
    const providerEnv = { FAKE_PROVIDER_PORT: String(port), ...options.providerEnv };
    const ready = `${providerUrl}/v1/refunds?reference=none`;
    await stack.spawn('Provider', 'dist/infra/setup/stand-ins/fake-provider-main.js', providerEnv, ready);
    await stack.client.call('PATCH', '/v1/business', { timeZone: 'UTC' });
    await stack.client.call('POST', '/v1/fee-schedules', { currency: 'EUR', bps: 290, fixed: '30', taxBps: 1_900 });
    const merchant = (await stack.client.call('POST', '/v1/merchants', { name: 'Bench' })) as { id: string };
    const { rows } = await stack.pool.query<{ id: string }>('SELECT tenant_id AS id FROM businesses');
    const tenantId = `ten_${(rows[0]?.id ?? '').replaceAll('-', '')}`;
    return { stack, providerUrl, tenantId, merchantId: merchant.id, env };
  } catch (error) {
    await stack.stop(false);
    throw error;
  }
}
