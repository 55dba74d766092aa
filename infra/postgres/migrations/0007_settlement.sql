-- Up Migration
CREATE TABLE settlement_runs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  business_date date NOT NULL,
  time_zone text NOT NULL,
  -- The day: from the moment of one cut-off up to, and without, the next.
  period_start timestamptz NOT NULL,
  period_end timestamptz NOT NULL CHECK (period_end > period_start),
  state text NOT NULL CHECK (state IN ('pending', 'running', 'completed', 'failed', 'needs_review')),
  attempt integer NOT NULL DEFAULT 1,
  trigger text NOT NULL CHECK (trigger IN ('schedule', 'manual', 'retry', 'missed')),
  workflow_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  -- When everything that belongs to the run had been claimed: nothing joins it after that.
  claimed_at timestamptz,
  finished_at timestamptz,
  error text,
  -- Invariants that did not hold: [{"invariant": …, "detail": …}].
  breaches jsonb NOT NULL DEFAULT '[]',
  item_count bigint,
  late_count bigint,
  -- SHA-256 over the run's records in the order of merchant and currency.
  totals_hash bytea,
  UNIQUE (tenant_id, business_date)
);

-- One row for every ledger transaction that a merchant is owed or owes something for, written with it.
CREATE TABLE settlement_items (
  transaction_id uuid PRIMARY KEY REFERENCES ledger_transactions,
  tenant_id uuid NOT NULL,
  merchant_id uuid NOT NULL,
  currency text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('capture', 'refund', 'chargeback', 'chargeback_reversal', 'adjustment')),
  -- In minor units, signed as the merchant sees it: a sale is positive, a refund negative; a fee that is charged is positive.
  gross bigint NOT NULL,
  fee bigint NOT NULL,
  fee_tax bigint NOT NULL,
  net bigint NOT NULL CHECK (net = gross - fee - fee_tax),
  effective_at timestamptz NOT NULL,
  -- Of settlement_runs, which are never removed. A foreign key would be checked for each of a million rows.
  run_id uuid,
  -- It happened on a day that had been settled before it came in.
  late boolean NOT NULL DEFAULT false
);
CREATE INDEX settlement_items_open ON settlement_items (tenant_id, effective_at) WHERE run_id IS NULL;
CREATE INDEX settlement_items_by_run ON settlement_items (run_id, merchant_id, currency) WHERE run_id IS NOT NULL;
CREATE TRIGGER immutable BEFORE UPDATE OF transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net,
  effective_at ON settlement_items FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- After the row, since a trigger before it locks each row once more than the update does.
CREATE TRIGGER claimed_once AFTER UPDATE OF run_id ON settlement_items FOR EACH ROW
  WHEN (OLD.run_id IS NOT NULL AND OLD.run_id IS DISTINCT FROM NEW.run_id) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_deleted BEFORE DELETE ON settlement_items FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A merchant's statement for a day and a currency. Signed as the merchant sees it; fees are positive.
CREATE TABLE settlement_records (
  run_id uuid NOT NULL REFERENCES settlement_runs,
  merchant_id uuid NOT NULL REFERENCES merchants,
  currency text NOT NULL,
  tenant_id uuid NOT NULL,
  business_date date NOT NULL,
  -- What was owed from the days before; negative when the merchant owed it.
  opening bigint NOT NULL,
  gross_sales bigint NOT NULL,
  refunds bigint NOT NULL,
  chargebacks bigint NOT NULL,
  adjustments bigint NOT NULL,
  fees bigint NOT NULL,
  fee_tax bigint NOT NULL,
  reserve_held bigint NOT NULL CHECK (reserve_held >= 0),
  reserve_released bigint NOT NULL CHECK (reserve_released >= 0),
  net bigint NOT NULL,
  paid_out bigint NOT NULL CHECK (paid_out >= 0),
  closing bigint NOT NULL,
  item_count bigint NOT NULL,
  late_count bigint NOT NULL,
  PRIMARY KEY (run_id, merchant_id, currency),
  CHECK (net = gross_sales + refunds + chargebacks + adjustments - fees - fee_tax - reserve_held + reserve_released),
  CHECK (closing = opening + net - paid_out)
);
CREATE INDEX settlement_records_by_merchant ON settlement_records (merchant_id, currency, business_date);

-- What was held back of a merchant's sales, until when, and the run that gave it back.
CREATE TABLE settlement_reserves (
  run_id uuid NOT NULL REFERENCES settlement_runs,
  merchant_id uuid NOT NULL REFERENCES merchants,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  release_on date NOT NULL,
  released_run_id uuid REFERENCES settlement_runs,
  PRIMARY KEY (run_id, merchant_id, currency)
);
CREATE INDEX settlement_reserves_due ON settlement_reserves (merchant_id, release_on);

-- Down Migration
DROP TABLE settlement_reserves;
DROP TABLE settlement_records;
DROP TABLE settlement_items;
DROP TABLE settlement_runs;
