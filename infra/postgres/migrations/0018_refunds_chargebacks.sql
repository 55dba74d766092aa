-- Up Migration
-- Commands that end a review. From a threshold on, another API key has to approve what one asked for.
CREATE TABLE payment_approvals (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  -- Which command, such as `refund.resolve`, about what, and its input.
  action text NOT NULL,
  subject text NOT NULL,
  command jsonb NOT NULL,
  -- What was held against the threshold.
  amount bigint NOT NULL,
  currency text NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'approved', 'rejected', 'not_needed')),
  requested_by text NOT NULL,
  decided_by text CHECK (decided_by <> requested_by OR state = 'rejected'),
  CHECK ((state IN ('waiting', 'not_needed')) = (decided_by IS NULL)),
  created_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz
);
CREATE INDEX payment_approvals_by_tenant ON payment_approvals (tenant_id, id);
-- Two commands about the same thing would contradict each other.
CREATE UNIQUE INDEX payment_approvals_waiting ON payment_approvals (subject) WHERE state = 'waiting';

-- Down Migration
DROP TABLE payment_approvals;
