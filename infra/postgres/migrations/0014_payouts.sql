-- Up Migration
-- What a settlement pays out to a merchant, until the bank says that it went out, or that it came back. `id` is that of
-- the ledger's transaction.
CREATE TABLE payouts (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  merchant_id uuid NOT NULL,
  currency text NOT NULL,
  business_date date NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  state text NOT NULL DEFAULT 'in_transit' CHECK (state IN ('in_transit', 'paid', 'returned')),
  -- Since when the bank should know of it.
  sent_at timestamptz NOT NULL,
  -- The reconciliations whose files said that it went out and that it came back.
  paid_at timestamptz,
  paid_by uuid,
  returned_at timestamptz,
  returned_by uuid,
  CHECK ((state = 'in_transit') = (paid_at IS NULL AND returned_at IS NULL)),
  CHECK ((state = 'returned') = (returned_at IS NOT NULL))
);
CREATE INDEX payouts_by_tenant ON payouts (tenant_id, id);
CREATE INDEX payouts_by_run ON payouts (run_id);
CREATE INDEX payouts_in_transit ON payouts (tenant_id, sent_at) WHERE state = 'in_transit';

INSERT INTO payouts (id, tenant_id, run_id, merchant_id, currency, business_date, amount, sent_at)
SELECT t.id, r.tenant_id, r.run_id, r.merchant_id, r.currency, r.business_date, r.paid_out, t.effective_at
FROM settlement_records r
JOIN ledger_transactions t ON t.id = md5(r.run_id::text || r.merchant_id::text || r.currency || 'payout')::uuid
WHERE r.paid_out > 0;

-- How surely a line is a transaction, what the ledger calls it, and the day that it was settled on. Null for what was
-- compared before; a `settled_on` of null is also a transaction that was not settled then.
ALTER TABLE reconciliation_items ADD COLUMN confidence text CHECK (confidence IN ('exact', 'high', 'medium', 'low')),
  ADD COLUMN ledger_reference text, ADD COLUMN settled_on date;
-- What does not match, added up without signs, and so never less than the difference of the sums.
ALTER TABLE reconciliation_totals ADD COLUMN discrepancy numeric CHECK (discrepancy >= abs(ledger - external));

-- Down Migration
ALTER TABLE reconciliation_totals DROP COLUMN discrepancy;
ALTER TABLE reconciliation_items DROP COLUMN confidence, DROP COLUMN ledger_reference, DROP COLUMN settled_on;
DROP TABLE payouts;
