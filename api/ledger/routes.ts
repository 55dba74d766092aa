import { z } from 'zod';
import { approvalsConfig } from '../../domains/approvals';
import { findLedgerTransaction, type LedgerTransaction, listLedgerTransactions } from '../../domains/ledger';
import { reverseTransaction } from '../../domains/payments';
import { WAITING_ANSWER, waitingAnswer } from '../http/approval-schemas';
import { byId, followQuery, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { freeText } from '../http/free-text';
import { amountText } from '../http/money-schemas';
import { Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../http/schemas';

const TAG = 'Ledger';
const CURSOR = byId('ledger-transactions');

const transactionSchema = z
  .object({
    id: idSchema('ltx'),
    type: z.string().meta({ example: 'capture' }),
    reference: z.string().meta({ description: 'What it was posted for, such as a payment.', example: 'pay_…' }),
    merchantId: idSchema('mer').nullable(),
    feeScheduleId: idSchema('fee').nullable().meta({ description: 'The version the fee was computed by.' }),
    currency: z.string(),
    entries: z
      .array(z.object({ account: z.string().meta({ example: 'psp_clearing' }), amount: amountText }))
      .meta({ description: 'Debits are positive, credits negative; they add up to 0.' }),
    settlement: z
      .object({
        gross: amountText,
        fee: amountText,
        feeTax: amountText,
        runId: idSchema('set').nullable().meta({ description: 'Null until a settlement includes it.' }),
        late: z.boolean(),
      })
      .nullable()
      .meta({ description: "Its effect on the merchant's settlement; null if none." }),
    reversesId: idSchema('ltx').nullable(),
    reversedById: idSchema('ltx').nullable(),
    effectiveAt: momentText.meta({ description: 'When it happened, which decides its business day.' }),
    recordedAt: momentText,
  })
  .meta({ id: 'LedgerTransaction' });

const reversalSchema = z
  .strictObject({ reason: freeText(500).meta({ example: 'Entered twice' }) })
  .meta({ id: 'NewReversal', example: { reason: 'Entered twice' } });

const params = z.object({ id: idSchema('ltx') });

export function ledgerRoutes({ pool, reads, settings }: Pick<DoorContext, 'pool' | 'reads' | 'settings'>): Route[] {
  const deps = { pool, reads, config: settings.of(approvalsConfig) };
  return [
    route({
      method: 'get',
      path: '/v1/ledger/transactions',
      operationId: 'listLedgerTransactions',
      tag: TAG,
      summary: 'List ledger transactions, newest first',
      scope: 'finance:read',
      query: z.strictObject({ ...pageQuery, ...followQuery }),
      responses: {
        200: { description: 'A page of transactions.', body: pageSchema('LedgerTransactionPage', transactionSchema) },
      },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listLedgerTransactions(deps.reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, transactionView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/ledger/transactions/{id}',
      operationId: 'getLedgerTransaction',
      tag: TAG,
      summary: 'Get a ledger transaction with its entries',
      scope: 'finance:read',
      params,
      responses: { 200: { description: 'The transaction.', body: transactionSchema } },
      handler: async ({ params: { id } }, { tenantId }) => {
        const found = await findLedgerTransaction(deps.pool, tenantId, id);
        if (found === undefined) throw new Problem('not-found');
        return { status: 200, body: transactionView(found) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/ledger/transactions/{id}/reverse',
      operationId: 'reverseLedgerTransaction',
      tag: TAG,
      summary: 'Reverse an adjustment or a wallet credit',
      description:
        'Posts the opposite as a new transaction, once; the original stays as it is. Payments are refunded instead, so ' +
        'that payment and ledger always agree. That of an adjustment needs another API key from ' +
        '`WAYBILL_REVIEW_FOUR_EYES_FROM` on.',
      scope: 'finance:settle',
      idempotency: 'required',
      params,
      body: reversalSchema,
      responses: {
        202: WAITING_ANSWER,
        201: {
          description: 'The reversal.',
          body: transactionSchema,
          headers: { Location: "The reversal's path." },
        },
      },
      problems: ['wrong-state'],
      handler: async ({ params: { id }, body }, context) => {
        const reversal = await reverseTransaction(deps, context, id, body.reason);
        if ('waits' in reversal) return waitingAnswer(reversal.waits);
        const headers = { location: `/v1/ledger/transactions/${reversal.id}` };
        return { status: 201, headers, body: transactionView(reversal) };
      },
    }),
  ];
}

function transactionView(transaction: LedgerTransaction): z.input<typeof transactionSchema> {
  const { settlement } = transaction;
  return {
    id: transaction.id,
    type: transaction.kind,
    reference: transaction.externalRef,
    merchantId: transaction.merchantId ?? null,
    feeScheduleId: transaction.feeScheduleId ?? null,
    currency: transaction.currency,
    entries: transaction.entries.map(({ account, amount }) => ({ account, amount: amount.toString() })),
    settlement:
      settlement === undefined
        ? null
        : {
            gross: settlement.gross.toString(),
            fee: settlement.fee.toString(),
            feeTax: settlement.feeTax.toString(),
            runId: settlement.runId ?? null,
            late: settlement.late,
          },
    reversesId: transaction.reversesId ?? null,
    reversedById: transaction.reversedById ?? null,
    effectiveAt: moment(transaction.effectiveAt),
    recordedAt: moment(transaction.recordedAt),
  };
}
