import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

export interface KeyHolder {
  /** `event:…`, `system:…` or `request:…` */
  key: string;
  messageId: PublicId;
  /** SHA-256 in hex of what the first use said. */
  fingerprint: string;
}

// A key and its message become visible together. A key without a message was claimed by a publish that lost another of
// its keys in the same instant: it belongs to nobody and is removed here.
const FIND_HOLDERS = `
WITH held AS (
  SELECT mk.key, mk.message_id, mk.fingerprint, m.id IS NULL AS orphan
  FROM message_keys mk LEFT JOIN messages m ON m.id = mk.message_id
  WHERE mk.tenant_id = $1 AND mk.key = ANY ($2::text[])
), removed AS (
  DELETE FROM message_keys mk USING held h
  WHERE h.orphan AND mk.tenant_id = $1 AND mk.key = h.key AND mk.message_id = h.message_id
)
SELECT key, message_id, encode(fingerprint, 'hex') AS fingerprint FROM held WHERE NOT orphan`;

/** Finds who holds these keys. If nobody does, the publish may be tried again. */
export async function findKeyHolders(db: Queryable, tenantId: PublicId, keys: readonly string[]): Promise<KeyHolder[]> {
  const { rows } = await db.query<{ key: string; message_id: string; fingerprint: string }>({
    name: 'find-key-holders',
    text: FIND_HOLDERS,
    values: [toUuid(tenantId), keys],
  });
  return rows.map((row) => ({
    key: row.key,
    messageId: fromUuid('msg', row.message_id),
    fingerprint: row.fingerprint,
  }));
}

/** Releases keys of a publish that turned out to be a duplicate by another of its keys. */
export async function releaseKeys(db: Queryable, messageId: PublicId): Promise<void> {
  await db.query({
    name: 'release-keys',
    text: `DELETE FROM message_keys mk WHERE mk.message_id = $1
           AND NOT EXISTS (SELECT FROM messages m WHERE m.id = mk.message_id)`,
    values: [toUuid(messageId)],
  });
}

/** The deliveries that a message's publish made: a range of the primary key, since their ids begin as the message's does. */
export async function deliveriesOfMessage(
  db: Queryable,
  messageId: PublicId,
): Promise<{ id: PublicId; endpointId: PublicId; workflowId: string }[]> {
  const hex = toUuid(messageId);
  const { rows } = await db.query<{ id: string; endpoint_id: string; workflow_id: string }>({
    name: 'deliveries-of-message',
    text: `SELECT id, endpoint_id, workflow_id FROM deliveries
           WHERE id BETWEEN $1 AND $2 AND message_id = $3 ORDER BY id`,
    values: [`${hex.slice(0, 16)}${'0'.repeat(16)}`, `${hex.slice(0, 16)}${'f'.repeat(16)}`, hex],
  });
  return rows.map((row) => ({
    id: fromUuid('dlv', row.id),
    endpointId: fromUuid('ep', row.endpoint_id),
    workflowId: row.workflow_id,
  }));
}
