import { randomUUID } from 'node:crypto';
import type { Response } from 'supertest';
import { toUuid } from '../../core/ids';
import { accountId } from '../../domains/ledger/store/account-id';
import type { FeeTerms } from '../../domains/merchants/rules/fees';
import type { Business } from '../../domains/merchants/store/businesses';
import { newSecret } from '../../domains/webhooks/rules/signature';
import { type FakeProvider, newProviderKey, startFakeProvider } from '../../infra/setup/stand-ins/fake-provider';
import type { FakeCharge } from '../../infra/setup/stand-ins/fake-provider-charges';
import { createApi, type TestApi } from './api-support';
import { insertBusiness, insertFeeSchedule, insertMerchant } from './finance';
import { eventually, PATIENCE_MS } from './receiver';

/** An API with a worker, a merchant with fees, and a payment provider. */
export interface PaymentApi extends TestApi {
  provider: FakeProvider;
  merchantId: string;
  /** The secret that the provider signs with. */
  secret: string;
  post(path: string, body?: object, key?: string): Promise<Response>;
  newOrder(amount?: string): Promise<string>;
  /** Pays a new order by a card and returns the payment. */
  payByCard(token: string, amount?: string): Promise<Response>;
  newWallet(amount?: string): Promise<string>;
  chargesOf(paymentId: string): FakeCharge[];
  untilPayment(id: string, state: string, timeoutMs?: number): Promise<Record<string, string>>;
  /** The sum of an account's entries. */
  balance(account: string): Promise<bigint>;
  /** The sum of all entries of the tenant, which is 0. */
  trialBalance(): Promise<bigint>;
  events(type: string): Promise<{ data: Record<string, string | null> }[]>;
}

export interface PaymentApiOptions {
  business?: Partial<Business>;
  terms?: Partial<FeeTerms>;
  callbackCopies?: number;
  env?: Record<string, string>;
  worker?: boolean;
}

export async function createPaymentApi(options: PaymentApiOptions = {}): Promise<PaymentApi> {
  const key = newProviderKey();
  const secret = newSecret();
  const provider = await startFakeProvider({ key });
  const api = await createApi(
    {},
    {
      WAYBILL_PAYMENT_PROVIDER_URL: provider.url,
      WAYBILL_PAYMENT_PROVIDER_KEY: key,
      WAYBILL_PAYMENT_PROVIDER_SECRET: secret,
      WAYBILL_PAYMENT_PROVIDER_TIMEOUT: '500ms',
      WAYBILL_PAYMENT_PACE: '0.01',
      ...options.env,
    },
  );
  provider.setCallbacks({
    url: `${api.url}/callbacks/payments`,
    secret,
    copies: options.callbackCopies ?? 1,
    retryMs: 100,
  });
  const { pool } = api.deps;
  await insertBusiness(pool, api.tenantId, options.business);
  const merchant = await insertMerchant(pool, api.tenantId);
  await insertFeeSchedule(pool, api.tenantId, { merchantId: merchant.id, ...options.terms });
  if (options.worker !== false) await api.pipeline.startWorker();

  const post = (path: string, body: object = {}, idempotencyKey: string = randomUUID()) =>
    api.call('POST', path, { body, headers: { 'idempotency-key': idempotencyKey } });

  async function newOrder(amount = '10000'): Promise<string> {
    const answer = await post('/v1/orders', { merchantId: merchant.id, amount, currency: 'EUR' });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body.id;
  }

  return Object.assign(api, {
    provider,
    merchantId: merchant.id,
    secret,
    post,
    newOrder,
    payByCard: async (token: string, amount?: string) =>
      post('/v1/payments', { orderId: await newOrder(amount), source: { type: 'card', token } }),
    async newWallet(amount?: string) {
      const wallet = await post('/v1/wallets', { owner: 'customer', currency: 'EUR' });
      if (amount !== undefined) await post(`/v1/wallets/${wallet.body.id}/credits`, { amount, reason: 'Test' });
      return wallet.body.id;
    },
    chargesOf: (paymentId: string) => provider.charges().filter(({ reference }) => reference === paymentId),
    untilPayment(id: string, state: string, timeoutMs = PATIENCE_MS) {
      let last = '';
      return eventually(
        async () => {
          const { body } = await api.call('GET', `/v1/payments/${id}`);
          last = body.state;
          return last === state ? body : undefined;
        },
        timeoutMs,
        () => `${last}, not ${state}`,
      );
    },
    async balance(account: string) {
      const { rows } = await pool.query(
        'SELECT coalesce(sum(amount), 0)::text AS sum FROM ledger_entries WHERE account_id = $1',
        [accountId({ tenantId: api.tenantId, code: account, currency: 'EUR' })],
      );
      return BigInt(rows[0].sum);
    },
    async trialBalance() {
      const { rows } = await pool.query(
        `SELECT coalesce(sum(e.amount), 0)::text AS sum FROM ledger_entries e
         JOIN ledger_accounts a ON a.id = e.account_id WHERE a.tenant_id = $1`,
        [toUuid(api.tenantId)],
      );
      return BigInt(rows[0].sum);
    },
    async events(type: string) {
      const { rows } = await pool.query('SELECT body FROM messages WHERE tenant_id = $1 AND event_type = $2', [
        toUuid(api.tenantId),
        type,
      ]);
      return rows.map(({ body }) => JSON.parse(body));
    },
    close: closing(api, provider),
  });
}

function closing(api: TestApi, provider: FakeProvider): () => Promise<void> {
  const close = api.close;
  return async () => {
    await provider.close();
    await close();
  };
}
