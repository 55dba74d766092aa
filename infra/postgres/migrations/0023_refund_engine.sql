-- Up Migration
ALTER TABLE refunds
  -- The `Idempotency-Key` of the request that made it: a repetition is answered with this row as it is.
  ADD COLUMN request_key uuid,
  -- Whether the request wanted all that was left, without an amount; null where nobody wrote that down.
  ADD COLUMN asked_for_all boolean,
  -- Who holds the lease to call the provider for it, until `next_step_at`.
  ADD COLUMN claim uuid;

-- Requests of the last day, whose answers were kept apart from their refunds.
UPDATE refunds f SET request_key = r.key
FROM (SELECT DISTINCT ON (tenant_id, key) tenant_id, key, effect_id FROM idempotency_records
      WHERE route = 'POST /v1/payments/{id}/refunds' ORDER BY tenant_id, key, created_at) r
WHERE f.id = r.effect_id AND f.tenant_id = r.tenant_id;
CREATE UNIQUE INDEX refunds_request_key ON refunds (request_key, tenant_id) WHERE request_key IS NOT NULL;

-- A process of the version before may still be accepting refunds: their repetitions come to this version.
CREATE FUNCTION refund_request_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT key INTO NEW.request_key FROM idempotency_records
  WHERE tenant_id = NEW.tenant_id AND route = 'POST /v1/payments/{id}/refunds' AND effect_id = NEW.id;
  RETURN NEW;
END $$;
CREATE TRIGGER refunds_request_key BEFORE INSERT ON refunds
  FOR EACH ROW WHEN (NEW.request_key IS NULL) EXECUTE FUNCTION refund_request_key();

-- Down Migration
DROP TRIGGER refunds_request_key ON refunds;
DROP FUNCTION refund_request_key();
DROP INDEX refunds_request_key;
ALTER TABLE refunds DROP COLUMN request_key, DROP COLUMN asked_for_all, DROP COLUMN claim;
