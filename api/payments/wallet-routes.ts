import { z } from 'zod';
import {
  createWallet,
  creditWallet,
  findWalletWithBalance,
  listWallets,
  type WalletWithBalance,
} from '../../domains/payments';
import { byId, followQuery, pageBody, pageRequest } from '../http/cursor';
import { freeText, ownNumber } from '../http/free-text';
import { amountText, currencySchema } from '../http/money-schemas';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../http/schemas';
import type { PaymentRouteDeps } from './deps';
import { priceSchema } from './order-schemas';

const TAG = 'Wallets';
const CURSOR = byId('wallets');

const newWalletSchema = z
  .strictObject({
    owner: ownNumber(200).meta({ description: 'Whose it is: your own id for the customer.', example: 'customer-7' }),
    currency: currencySchema,
  })
  .meta({ id: 'NewWallet', example: { owner: 'customer-7', currency: 'EUR' } });

const creditSchema = z
  .strictObject({
    amount: priceSchema,
    reason: freeText(500).meta({ description: 'Why; the audit log has it.', example: 'Transfer of 3 May' }),
    fundedBy: z
      .enum(['received', 'goodwill'])
      .default('received')
      .meta({
        description:
          '`received`: the customer paid it to you elsewhere; posted against `wallet_funding`, which is what should be in ' +
          'your bank. `goodwill`: you give it; posted against the expense `wallet_goodwill`.',
      }),
  })
  .meta({ id: 'WalletCredit', example: { amount: '5000', reason: 'Transfer of 3 May' } });

const walletSchema = z
  .object({
    id: idSchema('wal'),
    owner: z.string(),
    currency: z.string(),
    balance: amountText.meta({ description: '`available` + `held`.' }),
    held: amountText.meta({ description: 'Held for payments in progress.' }),
    available: amountText,
    createdAt: momentText,
  })
  .meta({ id: 'Wallet' });

const walletParams = z.object({ id: idSchema('wal') });

export function walletRoutes(deps: Pick<PaymentRouteDeps, 'pool' | 'reads'>): Route[] {
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
      handler: async ({ body }, context) => {
        const wallet = await createWallet(deps, context, body);
        return { status: 201, headers: { location: `/v1/wallets/${wallet.id}` }, body: walletView(wallet) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/wallets',
      operationId: 'listWallets',
      tag: TAG,
      summary: 'List wallets, newest first',
      scope: 'payments:read',
      query: z.strictObject({ ...pageQuery, ...followQuery }),
      responses: { 200: { description: 'A page of wallets.', body: pageSchema('WalletPage', walletSchema) } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listWallets(deps.reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, walletView) };
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
        const wallet = await findWalletWithBalance(deps.pool, tenantId, params.id);
        if (wallet === undefined) throw new Problem('not-found');
        return { status: 200, body: walletView(wallet) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/wallets/{id}/credits',
      operationId: 'creditWallet',
      tag: TAG,
      summary: 'Put money into a wallet',
      description: 'Posts it against the account that it comes from, with its reason in the audit log.',
      scope: 'wallets:credit',
      idempotency: 'required',
      params: walletParams,
      body: creditSchema,
      responses: { 201: { description: 'The wallet with the money in it.', body: walletSchema } },
      handler: async ({ params, body }, context) => ({
        status: 201,
        body: walletView(await creditWallet(deps, context, { walletId: params.id, ...body })),
      }),
    }),
  ];
}

function walletView(wallet: WalletWithBalance): z.input<typeof walletSchema> {
  return {
    id: wallet.id,
    owner: wallet.owner,
    currency: wallet.currency,
    balance: wallet.balance.toString(),
    held: wallet.held.toString(),
    available: wallet.available.toString(),
    createdAt: moment(wallet.createdAt),
  };
}
