-- Up Migration
-- What a customer buys of a merchant.
CREATE TABLE orders (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  merchant_id uuid NOT NULL REFERENCES merchants,
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  state text NOT NULL DEFAULT 'created'
    CHECK (state IN ('created', 'paying', 'paid', 'partially_refunded', 'refunded', 'cancelled')),
  -- The tenant's own number for it.
  reference text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_by_tenant ON orders (tenant_id, id);

-- A customer's money. What is in it is the sum of its ledger entries, and nowhere else.
CREATE TABLE wallets (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  currency text NOT NULL,
  -- Whose it is, as the tenant says it.
  owner text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX wallets_by_tenant ON wallets (tenant_id, id);

CREATE TABLE payments (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  order_id uuid NOT NULL REFERENCES orders,
  merchant_id uuid NOT NULL REFERENCES merchants,
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  -- The provider's token for a card, or a wallet.
  card_token text,
  wallet_id uuid REFERENCES wallets,
  CHECK ((card_token IS NULL) <> (wallet_id IS NULL)),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN
    ('pending', 'authorised', 'captured', 'declined', 'failed', 'voided', 'needs_review')),
  -- Why it was declined or failed, or what is to be looked at.
  decline_code text,
  provider_reference text,
  captured_at timestamptz,
  -- As charged at the capture, by this version.
  fee bigint,
  fee_tax bigint,
  fee_schedule_id uuid REFERENCES fee_schedules,
  CHECK (state <> 'captured' OR (captured_at IS NOT NULL AND fee IS NOT NULL AND fee_schedule_id IS NOT NULL)),
  -- Refunds that were asked for and have not failed; of these, what was given back.
  refund_reserved bigint NOT NULL DEFAULT 0,
  refunded_amount bigint NOT NULL DEFAULT 0,
  CHECK (refunded_amount >= 0 AND refunded_amount <= refund_reserved AND refund_reserved <= amount),
  workflow_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_by_tenant ON payments (tenant_id, id);
CREATE INDEX payments_by_order ON payments (order_id, id);
-- An order is paid once.
CREATE UNIQUE INDEX payments_one_live ON payments (order_id)
  WHERE state IN ('pending', 'authorised', 'captured', 'needs_review');
CREATE INDEX payments_open ON payments (updated_at) WHERE state IN ('pending', 'authorised');

CREATE TABLE refunds (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  payment_id uuid NOT NULL REFERENCES payments,
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  reason text,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'succeeded', 'failed', 'needs_review')),
  failure_code text,
  provider_reference text,
  refunded_at timestamptz,
  -- The part of the capture's fee that went back.
  fee_returned bigint,
  fee_tax_returned bigint,
  workflow_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refunds_by_payment ON refunds (payment_id, id);
CREATE INDEX refunds_open ON refunds (updated_at) WHERE state = 'pending';

-- Money that a card's bank took back through the provider.
CREATE TABLE chargebacks (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  payment_id uuid NOT NULL REFERENCES payments,
  -- The provider's name for it: however often we are told, it is one.
  provider_reference text NOT NULL UNIQUE,
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  reason text NOT NULL,
  state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'posted', 'won', 'reversed', 'needs_review')),
  fee bigint,
  fee_tax bigint,
  occurred_at timestamptz NOT NULL,
  -- When the dispute was decided for the merchant.
  won_at timestamptz,
  workflow_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX chargebacks_by_tenant ON chargebacks (tenant_id, id);
CREATE INDEX chargebacks_by_payment ON chargebacks (payment_id);
CREATE INDEX chargebacks_open ON chargebacks (updated_at) WHERE state IN ('received', 'won');

-- Down Migration
DROP TABLE chargebacks;
DROP TABLE refunds;
DROP TABLE payments;
DROP TABLE wallets;
DROP TABLE orders;
