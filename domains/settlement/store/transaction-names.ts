import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** What a tenant and its provider call a transaction. */
export interface TransactionNames {
  /** The tenant's own number for the order. */
  orderReference: string | undefined;
  /** The provider's, for the payment, refund or chargeback. */
  providerReference: string | undefined;
}

interface Named {
  /** What the transaction was posted for: the id of a payment, refund or chargeback. */
  reference: string;
}

const OF_PAYMENT = `
SELECT s.id, s.provider_reference, o.reference AS order_reference
FROM payments s JOIN orders o ON o.id = s.order_id WHERE s.id = ANY ($1::uuid[])`;
const ofPart = (table: 'refunds' | 'chargebacks') => `
SELECT s.id, s.provider_reference, o.reference AS order_reference
FROM ${table} s JOIN payments p ON p.id = s.payment_id JOIN orders o ON o.id = p.order_id
WHERE s.id = ANY ($1::uuid[])`;

const SOURCES = [
  { prefix: 'pay', text: OF_PAYMENT },
  { prefix: 'ref', text: ofPart('refunds') },
  { prefix: 'cbk', text: ofPart('chargebacks') },
] as const;

/**
 * The names of transactions, by what they were posted for. Index: the primary keys of payments, refunds, chargebacks and
 * orders, a look-up per transaction each.
 */
export async function transactionNames(
  db: Queryable,
  transactions: readonly Named[],
): Promise<Map<PublicId, TransactionNames>> {
  const names = new Map<PublicId, TransactionNames>();
  for (const { prefix, text } of SOURCES) {
    const shape = new RegExp(`^${prefix}_[0-9a-f]{32}$`);
    const ids = [...new Set(transactions.map(({ reference }) => reference).filter((one) => shape.test(one)))];
    if (ids.length === 0) continue;
    const { rows } = await db.query<{ id: string; provider_reference: string | null; order_reference: string | null }>({
      name: `names-of-${prefix}`,
      text,
      values: [ids.map(toUuid)],
    });
    for (const row of rows) {
      names.set(fromUuid(prefix, row.id), {
        orderReference: row.order_reference ?? undefined,
        providerReference: row.provider_reference ?? undefined,
      });
    }
  }
  return names;
}
