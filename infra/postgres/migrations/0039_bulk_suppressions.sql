-- Up Migration
-- A job that suppresses many addresses. All that it needs to go on is here and in its rows, so that it survives the loss of
-- any process and of its workflow.
CREATE TABLE bulk_suppressions (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  -- The idempotency key of the request; null once another request may have it: its upload did not come to its end.
  request_key uuid,
  state text NOT NULL DEFAULT 'receiving'
    CHECK (state IN ('receiving', 'incomplete', 'waiting', 'rejected', 'running', 'cancelling', 'cancelled', 'completed', 'failed')),
  reason text NOT NULL CHECK (reason IN ('user_request', 'bounce', 'complaint', 'admin_action', 'legal', 'erasure', 'invalid')),
  -- Why, in words.
  note text NOT NULL,
  dry_run boolean NOT NULL,
  actor text NOT NULL,
  -- While another API key has to approve it, and then.
  approval_id uuid,
  -- Rows are numbered from 1; those up to `applied_to` have their result, and what follows has happened up to `followed_to`.
  total integer NOT NULL DEFAULT 0,
  applied_to integer NOT NULL DEFAULT 0,
  followed_to integer NOT NULL DEFAULT 0,
  added integer NOT NULL DEFAULT 0,
  extended integer NOT NULL DEFAULT 0,
  already_suppressed integer NOT NULL DEFAULT 0,
  invalid integer NOT NULL DEFAULT 0,
  refused integer NOT NULL DEFAULT 0,
  -- Pending sends that it has stopped.
  stopped_sends integer NOT NULL DEFAULT 0,
  last_error text,
  -- A workflow says that it attends to it until then.
  attended_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  CHECK (followed_to <= applied_to AND applied_to <= total),
  CHECK ((state IN ('receiving', 'waiting', 'running', 'cancelling')) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX bulk_suppressions_once ON bulk_suppressions (tenant_id, request_key);
CREATE INDEX bulk_suppressions_by_tenant ON bulk_suppressions (tenant_id, id);
CREATE INDEX bulk_suppressions_open ON bulk_suppressions (tenant_id) WHERE ended_at IS NULL;
CREATE INDEX bulk_suppressions_active ON bulk_suppressions (attended_until) WHERE state IN ('running', 'cancelling');
CREATE INDEX bulk_suppressions_receiving ON bulk_suppressions (updated_at) WHERE state = 'receiving';
CREATE INDEX bulk_suppressions_ended ON bulk_suppressions (ended_at) WHERE ended_at IS NOT NULL;

-- What it is to suppress, row by row, and what became of each. Removed with it.
CREATE TABLE bulk_suppression_rows (
  bulk_id uuid NOT NULL REFERENCES bulk_suppressions,
  number integer NOT NULL,
  tenant_id uuid NOT NULL,
  channel text,
  -- By the tenant's key, as in `suppressions`; null for an address that is none.
  address_hash bytea CHECK (length(address_hash) = 32),
  -- As it was given, by the keyring; null once its subscriber is erased.
  address_sealed bytea,
  scope text,
  expires_at timestamptz CHECK (date_trunc('second', expires_at) = expires_at),
  result text CHECK (result IN ('added', 'extended', 'already_suppressed', 'invalid', 'refused')),
  -- What is wrong with it.
  problem text,
  -- The suppression that it is now, or was before.
  suppression_id uuid,
  PRIMARY KEY (bulk_id, number)
);
CREATE INDEX bulk_suppression_rows_by_address ON bulk_suppression_rows (tenant_id, address_hash)
  WHERE address_hash IS NOT NULL;

-- Commands that wait for another API key need not be about money, nor their tenants have a business.
ALTER TABLE payment_approvals
  DROP CONSTRAINT payment_approvals_tenant_id_fkey,
  ADD CONSTRAINT payment_approvals_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants;

-- Down Migration
DELETE FROM payment_approvals WHERE tenant_id NOT IN (SELECT tenant_id FROM businesses);
ALTER TABLE payment_approvals
  DROP CONSTRAINT payment_approvals_tenant_id_fkey,
  ADD CONSTRAINT payment_approvals_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES businesses;
DROP TABLE bulk_suppression_rows;
DROP TABLE bulk_suppressions;
