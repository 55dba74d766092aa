import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { ORDERS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import { ORDER_MOVES, type OrderMove, type OrderState } from '../rules/order-states';

/** What a customer buys from a merchant. */
export interface Order {
  id: PublicId;
  tenantId: PublicId;
  merchantId: PublicId;
  amount: bigint;
  currency: string;
  state: OrderState;
  /** The tenant's own number for it. */
  reference: string | undefined;
  metadata: Record<string, string>;
  createdAt: Date;
  updatedAt: Date;
}

interface Row {
  id: string;
  tenant_id: string;
  merchant_id: string;
  amount: string;
  currency: string;
  state: OrderState;
  reference: string | null;
  metadata: Record<string, string>;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = 'id, tenant_id, merchant_id, amount, currency, state, reference, metadata, created_at, updated_at';

export type NewOrder = Omit<Order, 'state' | 'createdAt' | 'updatedAt'>;

/** Inserts an order; an existing one with the id stays as it is. */
export async function insertOrder(db: Queryable, order: NewOrder): Promise<Order | undefined> {
  await db.query({
    name: 'insert-order',
    text: `INSERT INTO orders (id, tenant_id, merchant_id, amount, currency, reference, metadata)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
    values: [
      toUuid(order.id),
      toUuid(order.tenantId),
      toUuid(order.merchantId),
      order.amount.toString(),
      order.currency,
      order.reference,
      JSON.stringify(order.metadata),
    ],
  });
  return findOrder(db, order.tenantId, order.id);
}

/** Index: orders_pkey. */
export async function findOrder(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Order | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-order',
    text: `SELECT ${COLUMNS} FROM orders WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: orders_by_tenant. */
export async function listOrders(
  db: Queryable,
  tenantId: PublicId,
  filter: { state?: OrderState | undefined; merchantId?: PublicId | undefined },
  request: PageRequest,
): Promise<Page<Order>> {
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'orders',
    followed: ORDERS_LIST,
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'place' },
    filter: [
      ...(filter.state === undefined ? [] : [['state = ?', filter.state] as const]),
      ...(filter.merchantId === undefined ? [] : [['merchant_id = ?', toUuid(filter.merchantId)] as const]),
    ],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/**
 * Moves an order to another state.
 *
 * @returns the order after the move; `undefined` when its state does not allow it
 */
export async function moveOrder(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  move: OrderMove,
): Promise<Order | undefined> {
  const { from, to } = ORDER_MOVES[move];
  const { rows } = await db.query<Row>({
    name: 'move-order',
    text: `UPDATE orders SET state = $4, updated_at = now()
           WHERE id = $1 AND tenant_id = $2 AND state = ANY ($3) RETURNING ${COLUMNS}`,
    values: [toUuid(id), toUuid(tenantId), from, to],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** A move of an order. */
export interface OrderChange {
  id: PublicId;
  move: OrderMove;
}

/** Moves orders whose states allow it, in one statement; the others stay. Index: orders_pkey. */
export async function moveOrders(db: Queryable, changes: readonly OrderChange[]): Promise<void> {
  if (changes.length === 0) return;
  await db.query({
    name: 'move-orders',
    text: `UPDATE orders o SET state = i.target, updated_at = now()
           FROM json_to_recordset($1::json) AS i(id uuid, sources text[], target text)
           WHERE o.id = i.id AND o.state = ANY (i.sources)`,
    values: [
      JSON.stringify(
        changes.map(({ id, move }) => ({
          id: toUuid(id),
          sources: ORDER_MOVES[move].from,
          target: ORDER_MOVES[move].to,
        })),
      ),
    ],
  });
}

function fromRow(row: Row): Order {
  return {
    id: fromUuid('ord', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    merchantId: fromUuid('mer', row.merchant_id),
    amount: BigInt(row.amount),
    currency: row.currency,
    state: row.state,
    reference: row.reference ?? undefined,
    metadata: row.metadata,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
