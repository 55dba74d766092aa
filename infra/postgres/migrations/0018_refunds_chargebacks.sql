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

ALTER TABLE refunds DROP CONSTRAINT refunds_state_check;
ALTER TABLE refunds
  ADD CONSTRAINT refunds_state_check
    CHECK (state IN ('pending', 'succeeded', 'failed', 'needs_review', 'written_off')),
  -- How often somebody began to call the provider for it, committed before the call: 0 proves that no call was ever sent.
  ADD COLUMN calls integer NOT NULL DEFAULT 0,
  -- Of these calls, those that the provider refused for good. While fewer than `calls`, money may have moved.
  ADD COLUMN refused_calls integer NOT NULL DEFAULT 0 CHECK (refused_calls <= calls),
  -- When the first of those was made that may have moved money: the provider knows its key for a while after that.
  ADD COLUMN first_called_at timestamptz,
  -- What it keeps of its payment from being refunded otherwise.
  ADD COLUMN reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  -- What the ledger says went back; how often it was posted; what the business bore itself.
  ADD COLUMN booked_amount bigint NOT NULL DEFAULT 0 CHECK (booked_amount >= 0),
  ADD COLUMN bookings integer NOT NULL DEFAULT 0,
  ADD COLUMN written_off_amount bigint NOT NULL DEFAULT 0 CHECK (written_off_amount >= 0),
  -- What the provider has that is not what was asked for, and the moment of the last thing that it reported.
  ADD COLUMN provider_says jsonb,
  ADD COLUMN provider_told_at timestamptz,
  -- How often it was put before a person, and how often one decided.
  ADD COLUMN reviews integer NOT NULL DEFAULT 0,
  ADD COLUMN resolutions integer NOT NULL DEFAULT 0,
  -- When its workflow should have made progress; the sweep looks then.
  ADD COLUMN next_step_at timestamptz NOT NULL DEFAULT now();
UPDATE refunds SET reserved = amount WHERE state <> 'failed';
UPDATE refunds SET booked_amount = amount, bookings = 1 WHERE state = 'succeeded';
UPDATE refunds SET reviews = 1 WHERE state = 'needs_review';
-- Nobody wrote down whether these were sent.
UPDATE refunds r SET calls = 1, first_called_at = r.created_at
FROM payments p WHERE p.id = r.payment_id AND p.card_token IS NOT NULL;
DROP INDEX refunds_open;
CREATE INDEX refunds_due ON refunds (next_step_at) WHERE state = 'pending';

ALTER TABLE chargebacks DROP CONSTRAINT chargebacks_state_check;
ALTER TABLE chargebacks
  ADD CONSTRAINT chargebacks_state_check CHECK (state IN
    ('received', 'posted', 'won', 'reversed', 'partly_won', 'lost', 'needs_review', 'dismissed')),
  -- What the ledger has taken from the merchant by now, and how often it was posted or taken back.
  ADD COLUMN booked_amount bigint NOT NULL DEFAULT 0 CHECK (booked_amount >= 0),
  ADD COLUMN booked_fee bigint NOT NULL DEFAULT 0,
  ADD COLUMN booked_fee_tax bigint NOT NULL DEFAULT 0,
  ADD COLUMN bookings integer NOT NULL DEFAULT 0,
  -- What the dispute's decision gives back; null: all.
  ADD COLUMN won_amount bigint CHECK (won_amount > 0),
  ADD COLUMN lost_at timestamptz,
  -- Why it needs review, and what the provider reported that does not fit.
  ADD COLUMN review_code text,
  ADD COLUMN provider_says jsonb,
  ADD COLUMN reviews integer NOT NULL DEFAULT 0,
  ADD COLUMN resolutions integer NOT NULL DEFAULT 0,
  ADD COLUMN next_step_at timestamptz NOT NULL DEFAULT now();
UPDATE chargebacks c SET booked_amount = amount, booked_fee = coalesce(fee, 0), booked_fee_tax = coalesce(fee_tax, 0),
  bookings = 1 WHERE state IN ('posted', 'won') OR (state = 'needs_review' AND fee IS NOT NULL);
UPDATE chargebacks SET bookings = 2 WHERE state = 'reversed';
UPDATE chargebacks SET reviews = 1, review_code = 'not_posted' WHERE state = 'needs_review';
-- A dispute that the provider reports for two charges is shown with each.
ALTER TABLE chargebacks DROP CONSTRAINT chargebacks_provider_reference_key;
CREATE UNIQUE INDEX chargebacks_by_reference ON chargebacks (provider_reference, payment_id);
DROP INDEX chargebacks_open;
CREATE INDEX chargebacks_due ON chargebacks (next_step_at) WHERE state IN ('received', 'won');

ALTER TABLE settlement_items DROP CONSTRAINT settlement_items_kind_check;
-- Not validated: what is there fits the narrower one.
ALTER TABLE settlement_items ADD CONSTRAINT settlement_items_kind_check CHECK (kind IN
  ('capture', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'adjustment')) NOT VALID;

-- Down Migration
ALTER TABLE settlement_items DROP CONSTRAINT settlement_items_kind_check;
ALTER TABLE settlement_items ADD CONSTRAINT settlement_items_kind_check CHECK (kind IN
  ('capture', 'refund', 'chargeback', 'chargeback_reversal', 'adjustment'));
DROP INDEX chargebacks_due;
DROP INDEX chargebacks_by_reference;
ALTER TABLE chargebacks DROP CONSTRAINT chargebacks_state_check,
  DROP COLUMN booked_amount, DROP COLUMN booked_fee, DROP COLUMN booked_fee_tax, DROP COLUMN bookings,
  DROP COLUMN won_amount, DROP COLUMN lost_at, DROP COLUMN review_code, DROP COLUMN provider_says, DROP COLUMN reviews,
  DROP COLUMN resolutions, DROP COLUMN next_step_at,
  ADD CONSTRAINT chargebacks_state_check CHECK (state IN ('received', 'posted', 'won', 'reversed', 'needs_review')),
  ADD CONSTRAINT chargebacks_provider_reference_key UNIQUE (provider_reference);
CREATE INDEX chargebacks_open ON chargebacks (updated_at) WHERE state IN ('received', 'won');
DROP INDEX refunds_due;
ALTER TABLE refunds DROP CONSTRAINT refunds_state_check,
  DROP COLUMN calls, DROP COLUMN refused_calls, DROP COLUMN first_called_at, DROP COLUMN reserved,
  DROP COLUMN booked_amount, DROP COLUMN bookings, DROP COLUMN written_off_amount, DROP COLUMN provider_says,
  DROP COLUMN provider_told_at, DROP COLUMN reviews, DROP COLUMN resolutions, DROP COLUMN next_step_at,
  ADD CONSTRAINT refunds_state_check CHECK (state IN ('pending', 'succeeded', 'failed', 'needs_review'));
CREATE INDEX refunds_open ON refunds (updated_at) WHERE state = 'pending';
DROP TABLE payment_approvals;
