-- Up Migration
ALTER TABLE payments
  -- The `Idempotency-Key` of the request that made it: a repetition is answered with this row as it is.
  ADD COLUMN request_key uuid,
  -- Who holds the lease to take its next step; only the holder may end it without money.
  ADD COLUMN claim uuid,
  -- When its next step is due; while `claim` is set, when the lease ends.
  ADD COLUMN next_step_at timestamptz NOT NULL DEFAULT now(),
  -- How often somebody began to call the provider for it. Committed before the call: 0 proves that no call was ever sent.
  ADD COLUMN calls integer NOT NULL DEFAULT 0,
  -- When the first of them was made. The provider knows its idempotency keys for a while after that.
  ADD COLUMN first_called_at timestamptz,
  -- What was captured, where that is less than the amount.
  ADD COLUMN captured_amount bigint CHECK (captured_amount > 0 AND captured_amount <= amount),
  -- What the provider holds that is not what was asked for.
  ADD COLUMN provider_says jsonb,
  -- How often it was put before a person.
  ADD COLUMN reviews integer NOT NULL DEFAULT 0,
  -- It had ended when money was found for it: its order has gone on without it.
  ADD COLUMN order_released boolean NOT NULL DEFAULT false;

-- Nobody wrote down whether these were sent.
UPDATE payments SET calls = 1, first_called_at = created_at WHERE card_token IS NOT NULL;
UPDATE payments SET reviews = 1 WHERE state = 'needs_review';

-- Requests of the last day, whose answers were kept apart from their payments.
UPDATE payments p SET request_key = r.key
FROM (SELECT DISTINCT ON (tenant_id, key) tenant_id, key, effect_id FROM idempotency_records
      WHERE route IN ('POST /v1/payments', 'POST /v1/orders/{id}/pay') ORDER BY tenant_id, key, created_at) r
WHERE p.id = r.effect_id AND p.tenant_id = r.tenant_id;
CREATE UNIQUE INDEX payments_request_key ON payments (request_key, tenant_id) WHERE request_key IS NOT NULL;

DROP INDEX payments_one_live;
CREATE UNIQUE INDEX payments_one_live ON payments (order_id)
  WHERE state IN ('pending', 'authorised', 'captured', 'needs_review') AND NOT order_released;

DROP INDEX payments_open;
CREATE INDEX payments_in_review ON payments (updated_at) WHERE state = 'needs_review';
CREATE INDEX payments_due ON payments (next_step_at) WHERE state IN ('pending', 'authorised');

-- Down Migration
DROP INDEX payments_in_review;
DROP INDEX payments_due;
CREATE INDEX payments_open ON payments (updated_at) WHERE state IN ('pending', 'authorised');
DROP INDEX payments_one_live;
CREATE UNIQUE INDEX payments_one_live ON payments (order_id)
  WHERE state IN ('pending', 'authorised', 'captured', 'needs_review');
ALTER TABLE payments
  DROP COLUMN request_key, DROP COLUMN claim, DROP COLUMN next_step_at, DROP COLUMN calls, DROP COLUMN first_called_at,
  DROP COLUMN captured_amount, DROP COLUMN provider_says, DROP COLUMN reviews, DROP COLUMN order_released;
