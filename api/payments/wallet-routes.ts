import { z } from 'zod';
import { asId } from '../../core/ids';
import { ACCOUNTS, postTransaction, transferPosting } from '../../domains/ledger';
import { findBusiness } from '../../domains/merchants';
import {
  findWallet,
  insertWallet,
  listWallets,
  type Wallet,
  type WalletBalance,
  walletBalance,
  walletBalances,
} from '../../domains/payments';
import { inTransaction } from '../../infra/postgres/pool';
import { byId, pageBody, pageRequest } from '../http/cursor';
import { amountText, currencySchema } from '../http/money-schema';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentText, nonEmptyText, pageQuery, pageSchema } from '../http/schemas';
import type { PaymentRouteDeps } from './deps';
import { priceSchema } from './order-schemas';

const TAG = 'Wallets';
const CURSOR = byId('wallets');

const newWalletSchema = z
  .strictObject({
    owner: nonEmptyText(200).meta({ description: 'Whose it is: your own id of the customer.', example: 'customer-7' }),
    currency: currencySchema,
  })
  .meta({ id: 'NewWallet', example: { owner: 'customer-7', currency: 'EUR' } });

const creditSchema = z.strictObject({ amount: priceSchema }).meta({ id: 'WalletCredit', example: { amount: '5000' } });

const walletSchema = z
  .object({
    id: idSchema('wallet'),
    owner: z.string(),
    currency: z.string(),
    balance: amountText.meta({ description: '`available` + `held`.' }),
    held: amountText.meta({ description: 'Kept for payments that are under way.' }),
    available: amountText,
    createdAt: momentText,
  })
  .meta({ id: 'Wallet' });

const walletParams = z.object({ id: idSchema('wallet') });
const EMPTY: WalletBalance = { balance: 0n, held: 0n, available: 0n };

export function walletRoutes({ pool }: Pick<PaymentRouteDeps, 'pool'>): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/wallets',
      operationId: 'createWallet',
      tag: TAG,
      summary: 'Create a wallet',
      scope: 'payments:write',
      body: newWalletSchema,
      responses: {
        201: { description: 'The wallet, empty.', body: walletSchema, headers: { Location: "The wallet's path." } },
      },
      problems: ['wrong-state'],
      handler: async ({ body }, { tenantId, effectId }) => {
        if ((await findBusiness(pool, tenantId)) === undefined) {
          throw new Problem('wrong-state', { detail: 'The tenant is no business yet: PATCH /v1/business first.' });
        }
        const wallet = await insertWallet(pool, { id: asId('wallet', effectId), tenantId, ...body });
        if (wallet === undefined) throw new Error('the wallet belongs to another tenant');
        const headers = { location: `/v1/wallets/${wallet.id}` };
        return { status: 201, headers, body: walletView(wallet, await walletBalance(pool, wallet)) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/wallets',
      operationId: 'listWallets',
      tag: TAG,
      summary: 'List wallets, newest first',
      scope: 'payments:read',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page of wallets.', body: pageSchema('WalletPage', walletSchema) } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listWallets(pool, tenantId, request);
        const balances = await walletBalances(pool, page.rows);
        const view = (wallet: Wallet) => walletView(wallet, balances.get(wallet.id) ?? EMPTY);
        return { status: 200, body: pageBody(CURSOR, request, page, view) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/wallets/{id}',
      operationId: 'getWallet',
      tag: TAG,
      summary: 'Get a wallet with its balance',
      scope: 'payments:read',
      params: walletParams,
      responses: { 200: { description: 'The wallet.', body: walletSchema } },
      handler: async ({ params }, { tenantId }) => {
        const wallet = await findWallet(pool, tenantId, params.id);
        if (wallet === undefined) throw new Problem('not-found');
        return { status: 200, body: walletView(wallet, await walletBalance(pool, wallet)) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/wallets/{id}/credits',
      operationId: 'creditWallet',
      tag: TAG,
      summary: 'Put money into a wallet',
      description: 'A ledger transaction against `wallet_funding`: money that you have received elsewhere.',
      scope: 'payments:write',
      idempotency: 'required',
      params: walletParams,
      body: creditSchema,
      responses: { 201: { description: 'The wallet with the money in it.', body: walletSchema } },
      handler: async ({ params, body }, { tenantId, effectId, fence }) => {
        const wallet = await findWallet(pool, tenantId, params.id);
        if (wallet === undefined) throw new Problem('not-found');
        await inTransaction(pool, async (db) => {
          await fence(db);
          await postTransaction(db, {
            tenantId,
            kind: 'wallet_credit',
            externalRef: effectId,
            currency: wallet.currency,
            posting: transferPosting(ACCOUNTS.walletFunding, ACCOUNTS.wallet(wallet.id), body.amount),
            effectiveAt: new Date(),
          });
        });
        return { status: 201, body: walletView(wallet, await walletBalance(pool, wallet)) };
      },
    }),
  ];
}

function walletView(wallet: Wallet, { balance, held, available }: WalletBalance): z.input<typeof walletSchema> {
  return {
    id: wallet.id,
    owner: wallet.owner,
    currency: wallet.currency,
    balance: balance.toString(),
    held: held.toString(),
    available: available.toString(),
    createdAt: moment(wallet.createdAt),
  };
}
