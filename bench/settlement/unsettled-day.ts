import { toUuid } from '../../core/ids';
import { businessDay, lastClosedDate } from '../../domains/merchants/rules/business-day';
import type { ApiClient } from '../../infra/setup/commands/api-client';
import type { Stack } from '../kit/stack';
import { addTenant } from '../kit/tenant';
import { addMerchants, addSales } from './settlement-data';

const RULE = { timeZone: 'UTC', cutoff: '23:59' };
const FEES = { currency: 'EUR', bps: 300, fixed: '20', taxBps: 1_500 };
const SETTLEMENT = '/api/v2/finance/settlement';

/** A business of its own with one day of sales, which nothing settles before {@link UnsettledDay.trigger}. */
export interface UnsettledDay {
  client: ApiClient;
  /** The business's API key. */
  key: string;
  tenantId: string;
  date: string;
  /** Has it settled. */
  trigger(): Promise<unknown>;
  /** What the API says of its settlement. */
  look(): Promise<{ status: string; totals: { paidOut: string }[] }>;
}

/** Makes a business and its sales. */
export async function addUnsettledDay(
  stack: Stack,
  size: { merchants: number; transactions: number },
): Promise<UnsettledDay> {
  const { id: tenantId, key, client } = await addTenant(stack, 'settled');
  await client.call('PATCH', '/v1/business', { ...RULE, grace: '0s' });
  const schedule = (await client.call('POST', '/v1/fee-schedules', FEES)) as { id: string };
  const date = lastClosedDate(new Date(), RULE);
  const { start, end } = businessDay(date, RULE);
  await addMerchants(stack.pool, tenantId, size.merchants);
  await addSales(stack.pool, { tenantId, feeScheduleId: schedule.id, start, end, transactions: size.transactions });
  return {
    client,
    key,
    tenantId,
    date,
    trigger: async () => {
      // A day that is over is settled at once, sales or not; so this one becomes the business's first only now.
      await stack.pool.query('UPDATE businesses SET first_date = $2 WHERE tenant_id = $1', [toUuid(tenantId), date]);
      return client.call('POST', `${SETTLEMENT}/trigger/${date}`);
    },
    look: async () =>
      (await client.call('GET', `${SETTLEMENT}/${date}`)) as { status: string; totals: { paidOut: string }[] },
  };
}
