-- Up Migration
-- A request is the tenant's, whichever of its API keys sends it: a rotated key must not repeat a refund. Where two keys
-- have used the same idempotency key, the record that can still be repeated stays, then the completed one, then the older.
DELETE FROM idempotency_records WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM (
    SELECT ctid, row_number() OVER (
      PARTITION BY tenant_id, route, key
      ORDER BY expires_at > now() DESC, state = 'completed' DESC, created_at, principal_id) AS place
    FROM idempotency_records) ranked
  WHERE place > 1));
ALTER TABLE idempotency_records DROP CONSTRAINT idempotency_records_pkey;
ALTER TABLE idempotency_records ADD PRIMARY KEY (tenant_id, route, key);
-- APIs of the version before name these columns in ON CONFLICT; while both versions run they need them to be unique. The
-- key comes first, so that a plan which prefers this index is as good.
CREATE UNIQUE INDEX idempotency_records_by_principal ON idempotency_records (key, tenant_id, principal_id, route);
COMMENT ON COLUMN idempotency_records.principal_id IS
  'The API key of whoever executed it last; the body is encrypted for it.';

-- Ids of Waybill's own events are a namespace of their own, which no publisher can occupy. Of those stored so far only
-- this type is ever tried again.
UPDATE message_keys SET key = 'system:' || substr(key, 7)
WHERE tenant_id IN (SELECT tenant_id FROM businesses) AND key LIKE 'event:settlement.overdue/%';

-- Down Migration
UPDATE message_keys SET key = 'event:' || substr(key, 8)
WHERE tenant_id IN (SELECT tenant_id FROM businesses) AND key LIKE 'system:settlement.overdue/%';
COMMENT ON COLUMN idempotency_records.principal_id IS NULL;
DROP INDEX idempotency_records_by_principal;
ALTER TABLE idempotency_records DROP CONSTRAINT idempotency_records_pkey;
ALTER TABLE idempotency_records ADD PRIMARY KEY (tenant_id, principal_id, route, key);
