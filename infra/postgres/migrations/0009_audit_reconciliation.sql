-- Up Migration
-- What was done to a tenant's finances: rows are only added, each with the hash of the row before, so that nothing can be
-- changed, put in between or taken out without every later hash being wrong.
CREATE TABLE finance_audit_log (
  tenant_id uuid NOT NULL REFERENCES tenants,
  -- 1, 2, 3, … without a gap.
  seq bigint NOT NULL CHECK (seq >= 1),
  at timestamptz NOT NULL,
  -- Who: an API key's id, or a workflow's.
  actor text NOT NULL,
  action text NOT NULL,
  -- To what: an id, or a business date.
  subject text NOT NULL,
  payload jsonb NOT NULL,
  prev_hash bytea NOT NULL CHECK (length(prev_hash) = 32),
  hash bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (tenant_id, seq)
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON finance_audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON finance_audit_log EXECUTE FUNCTION refuse_change();

-- Exports read a run's transactions by pages in this order.
DROP INDEX settlement_items_by_run;
CREATE INDEX settlement_items_by_run ON settlement_items (run_id, merchant_id, currency, transaction_id)
  WHERE run_id IS NOT NULL;

-- A settled day held against what a bank or provider says of it.
CREATE TABLE reconciliation_runs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  run_id uuid NOT NULL REFERENCES settlement_runs,
  -- Whether every currency is within the tolerance.
  state text NOT NULL CHECK (state IN ('within_tolerance', 'out_of_tolerance')),
  actor text NOT NULL,
  -- SHA-256 of the file as it was sent.
  file_hash bytea NOT NULL,
  line_count bigint NOT NULL,
  matched bigint NOT NULL,
  missing_internal bigint NOT NULL,
  missing_external bigint NOT NULL,
  amount_mismatch bigint NOT NULL,
  currency_mismatch bigint NOT NULL,
  duplicate bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reconciliation_runs_by_run ON reconciliation_runs (run_id, id);

CREATE TABLE reconciliation_totals (
  reconciliation_id uuid NOT NULL REFERENCES reconciliation_runs,
  currency text NOT NULL,
  -- In minor units; sums of a file may be larger than any one amount.
  ledger numeric NOT NULL,
  external numeric NOT NULL,
  within_tolerance boolean NOT NULL,
  PRIMARY KEY (reconciliation_id, currency)
);

-- Rows are written with their run and never changed, up to a million at once, so nothing is referenced row by row.
CREATE TABLE reconciliation_items (
  reconciliation_id uuid NOT NULL,
  -- What did not match comes first.
  seq bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('matched', 'missing_internal', 'missing_external', 'amount_mismatch',
                                         'currency_mismatch', 'duplicate')),
  -- The file's line; null for what the file does not have.
  line bigint,
  reference text NOT NULL,
  kind text,
  transaction_id uuid,
  ledger_currency text,
  ledger_amount bigint,
  external_currency text,
  external_amount bigint,
  PRIMARY KEY (reconciliation_id, seq)
);

-- Down Migration
DROP TABLE reconciliation_items;
DROP TABLE reconciliation_totals;
DROP TABLE reconciliation_runs;
DROP INDEX settlement_items_by_run;
CREATE INDEX settlement_items_by_run ON settlement_items (run_id, merchant_id, currency) WHERE run_id IS NOT NULL;
DROP TABLE finance_audit_log;
