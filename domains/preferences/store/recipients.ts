import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Channel } from '../rules/channels';
import type { Policy } from '../rules/choices';

/** Who is asked for: by the subscriber's id, or the tenant's own id of them. */
export type RecipientKey = { subscriberId: PublicId } | { externalId: string };

/** What is to be sent to them: something of a topic, whose category counts, or of a category. */
export type Occasion = { topic: string } | { category: string };

/** What was allowed. */
export interface AllowedPlace {
  tenantId: PublicId;
  subscriberId: PublicId;
  destinationId: PublicId;
  topic: string | undefined;
  category: string | undefined;
}

/** What a category is, for who sends. */
export interface CategoryTraits {
  key: string;
  policy: Policy;
  commercial: boolean;
}

/** What whoever accepts a notification needs to know. */
export interface Recipient {
  /** Undefined when the tenant has no such subscriber, or has had them erased. */
  subscriberId: PublicId | undefined;
  /** Whether there is a topic of the name that was given; true when none was. */
  topicExists: boolean;
  category: CategoryTraits | undefined;
  destinations: { id: PublicId; channel: Channel }[];
}

interface Row {
  subscriber: string | null;
  topic: string | null;
  category: Recipient['category'] | null;
  destinations: { id: string; channel: Channel }[] | null;
}

/** Indexes: subscribers_pkey or subscribers_external, notification_topics_pkey, notification_categories_pkey, destinations_by_subscriber. */
export async function readRecipient(
  db: Queryable,
  tenantId: PublicId,
  who: RecipientKey,
  occasion: Occasion,
): Promise<Recipient> {
  const byId = 'subscriberId' in who;
  const { rows } = await db.query<Row>({
    name: byId ? 'recipient-by-id' : 'recipient-by-external-id',
    text: `WITH who AS MATERIALIZED (
             SELECT id FROM subscribers
             WHERE tenant_id = $1 AND ${byId ? 'id = $2::uuid' : 'external_id = $2'} AND erased_at IS NULL
           ), topic AS MATERIALIZED (
             SELECT key, category FROM notification_topics WHERE tenant_id = $1 AND key = $3
           )
           SELECT (SELECT id FROM who) AS subscriber, (SELECT key FROM topic) AS topic,
                  (SELECT jsonb_build_object('key', c.key, 'policy', c.policy, 'commercial', c.commercial)
                   FROM notification_categories c
                   WHERE c.tenant_id = $1 AND c.key = coalesce((SELECT category FROM topic), $4)) AS category,
                  (SELECT jsonb_agg(jsonb_build_object('id', d.id, 'channel', d.channel) ORDER BY d.id)
                   FROM destinations d WHERE d.subscriber_id = (SELECT id FROM who)) AS destinations`,
    values: [
      toUuid(tenantId),
      byId ? toUuid(who.subscriberId) : who.externalId,
      'topic' in occasion ? occasion.topic : undefined,
      'category' in occasion ? occasion.category : undefined,
    ],
  });
  const { subscriber = null, topic = null, category = null, destinations = null } = rows[0] ?? {};
  return {
    subscriberId: subscriber === null ? undefined : fromUuid('sub', subscriber),
    topicExists: !('topic' in occasion) || topic !== null,
    category: category ?? undefined,
    destinations: (destinations ?? []).map(({ id, channel }) => ({ id: fromUuid('dst', id), channel })),
  };
}

/** A destination's address, sealed, and the category that something belongs to. Indexes: as above, and destinations_pkey. */
export async function readAddressee(
  db: Queryable,
  { tenantId, subscriberId, destinationId, topic, category }: AllowedPlace,
): Promise<{ addressSealed: Buffer; category: CategoryTraits } | undefined> {
  const { rows } = await db.query<{ address: Buffer | null; category: CategoryTraits | null }>({
    name: 'addressee',
    text: `SELECT (SELECT address_sealed FROM destinations WHERE id = $3 AND subscriber_id = $2) AS address,
                  (SELECT jsonb_build_object('key', c.key, 'policy', c.policy, 'commercial', c.commercial)
                   FROM notification_categories c
                   WHERE c.tenant_id = $1 AND c.key = coalesce(
                     (SELECT category FROM notification_topics WHERE tenant_id = $1 AND key = $4), $5)) AS category`,
    values: [toUuid(tenantId), toUuid(subscriberId), toUuid(destinationId), topic, category],
  });
  const [row] = rows;
  if (row?.address == null || row.category === null) return undefined;
  return { addressSealed: row.address, category: row.category };
}

/** What a category is called, for people. Index: notification_categories_pkey. */
export async function findCategoryName(db: Queryable, tenantId: PublicId, key: string): Promise<string | undefined> {
  const { rows } = await db.query<{ name: string }>({
    text: 'SELECT name FROM notification_categories WHERE tenant_id = $1 AND key = $2',
    values: [toUuid(tenantId), key],
  });
  return rows[0]?.name;
}

/** Whether somebody is erased, or was never there. Index: subscribers_pkey. */
export async function isErased(db: Queryable, subscriberId: PublicId): Promise<boolean> {
  const { rows } = await db.query({
    text: 'SELECT FROM subscribers WHERE id = $1 AND erased_at IS NULL',
    values: [toUuid(subscriberId)],
  });
  return rows.length === 0;
}
