import { toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { NewMessage } from './publish';

/** What decides for which endpoints a message is. */
export type MessageKind = Pick<NewMessage, 'tenantId' | 'patterns' | 'channels'>;

/**
 * How many deliveries messages of these kinds would make now. `OFFSET 0` keeps the order of the look-ups: who subscribes,
 * then each of these; the other way round it would read endpoints that do not subscribe. Indexes:
 * endpoint_subscriptions_pkey, endpoints_pkey.
 */
export async function countDeliveries(db: Queryable, kinds: readonly MessageKind[]): Promise<number[]> {
  const input = kinds.map(({ tenantId, patterns, channels }, n) => ({
    n,
    tenant: toUuid(tenantId),
    patterns,
    channels,
  }));
  const { rows } = await db.query<{ deliveries: number }>({
    name: 'count-deliveries',
    text: `SELECT (SELECT count(DISTINCT subscribed.endpoint_id)::int
                   FROM (SELECT s.endpoint_id FROM endpoint_subscriptions s
                         WHERE s.tenant_id = i.tenant AND s.pattern = ANY (i.patterns) OFFSET 0) AS subscribed
                   CROSS JOIN LATERAL (
                     SELECT FROM endpoints e
                     WHERE e.id = subscribed.endpoint_id AND e.state <> 'disabled' AND e.deleted_at IS NULL
                       AND (cardinality(e.channels) = 0 OR e.channels && i.channels) OFFSET 0) AS wanting) AS deliveries
           FROM json_to_recordset($1::json) AS i(n int, tenant uuid, patterns text[], channels text[]) ORDER BY i.n`,
    values: [JSON.stringify(input)],
  });
  return rows.map(({ deliveries }) => deliveries);
}
