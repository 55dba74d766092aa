-- Up Migration
-- A tenant as a business: where its day ends, and how it treats fees. Without a row it has no finances.
CREATE TABLE businesses (
  tenant_id uuid PRIMARY KEY REFERENCES tenants,
  time_zone text NOT NULL,
  -- Local time at which a business day ends and the next begins.
  cutoff time NOT NULL DEFAULT '23:59',
  -- How long a settlement waits after the cut-off for what was still being committed.
  grace_ms integer NOT NULL DEFAULT 120000 CHECK (grace_ms >= 0),
  refund_fee_policy text NOT NULL DEFAULT 'keep' CHECK (refund_fee_policy IN ('keep', 'prorate')),
  -- The first business day that is settled.
  first_date date NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE merchants (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  name text NOT NULL,
  -- The share of each day's sales that is held back, and for how many days.
  reserve_bps integer NOT NULL DEFAULT 0 CHECK (reserve_bps BETWEEN 0 AND 10000),
  reserve_days integer NOT NULL DEFAULT 0 CHECK (reserve_days BETWEEN 0 AND 400),
  -- Smaller sums are carried over to the next day.
  payout_minimum bigint NOT NULL DEFAULT 1 CHECK (payout_minimum >= 1),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX merchants_by_tenant ON merchants (tenant_id, id);

-- What a merchant pays for a capture. Rows never change: a change is a new version, and a transaction names the one it
-- was charged by.
CREATE TABLE fee_schedules (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES businesses,
  -- Null: for every merchant that has none of its own.
  merchant_id uuid REFERENCES merchants,
  currency text NOT NULL,
  version integer NOT NULL CHECK (version >= 1),
  bps integer NOT NULL CHECK (bps BETWEEN 0 AND 10000),
  fixed bigint NOT NULL CHECK (fixed >= 0),
  min_fee bigint CHECK (min_fee >= 0),
  max_fee bigint CHECK (max_fee >= coalesce(min_fee, 0)),
  -- [{"upTo": "100000" | null, "bps": 250, "fixed": "100"}], ascending; replaces bps and fixed by the amount's tier.
  tiers jsonb,
  -- Tax on the fee.
  tax_bps integer NOT NULL CHECK (tax_bps BETWEEN 0 AND 10000),
  -- What a chargeback costs the merchant beside the amount.
  dispute_fee bigint NOT NULL CHECK (dispute_fee >= 0),
  valid_from timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX fee_schedules_version
  ON fee_schedules (tenant_id, currency, coalesce(merchant_id, '00000000-0000-0000-0000-000000000000'), version);

CREATE TABLE ledger_accounts (
  -- Derived: md5 of tenant, code and currency, so that an entry can name its account without looking it up.
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  -- `psp_clearing`, `merchant_pending:<merchant>`, `wallet:<wallet>`, …
  code text NOT NULL,
  type text NOT NULL CHECK (type IN ('asset', 'liability', 'revenue', 'expense')),
  currency text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, code, currency)
);

CREATE TABLE ledger_transactions (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  kind text NOT NULL,
  -- What it was made for, such as a payment's id. An event is posted once, however often it is tried.
  external_ref text NOT NULL,
  merchant_id uuid REFERENCES merchants,
  fee_schedule_id uuid REFERENCES fee_schedules,
  -- The transaction that this one takes back. There is no other way to correct one.
  reverses_id uuid UNIQUE REFERENCES ledger_transactions,
  -- When it happened, which decides its business day; and when we learned of it.
  effective_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (tenant_id, kind, external_ref)
);
CREATE INDEX ledger_transactions_by_tenant ON ledger_transactions (tenant_id, id);

CREATE TABLE ledger_entries (
  transaction_id uuid NOT NULL REFERENCES ledger_transactions,
  account_id uuid NOT NULL REFERENCES ledger_accounts,
  currency text NOT NULL,
  -- Minor units; a debit is positive, a credit negative.
  amount bigint NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (transaction_id, account_id)
);
CREATE INDEX ledger_entries_by_account ON ledger_entries (account_id) INCLUDE (amount);

CREATE FUNCTION ledger_transaction_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM ledger_entries WHERE transaction_id = NEW.transaction_id
             GROUP BY currency HAVING sum(amount) <> 0) THEN
    RAISE EXCEPTION 'ledger transaction % does not balance', NEW.transaction_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_is_balanced();

CREATE FUNCTION ledger_entry_fits_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM ledger_accounts a JOIN ledger_transactions t ON t.id = NEW.transaction_id
                 WHERE a.id = NEW.account_id AND a.currency = NEW.currency AND a.tenant_id = t.tenant_id) THEN
    RAISE EXCEPTION 'a ledger entry has the currency and the tenant of its account' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entries_fit AFTER INSERT ON ledger_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entry_fits_account();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% rows never change: post a reversal', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON ledger_transactions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON fee_schedules FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON ledger_transactions EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON ledger_entries EXECUTE FUNCTION refuse_change();

-- Down Migration
DROP TABLE ledger_entries;
DROP TABLE ledger_transactions;
DROP TABLE ledger_accounts;
DROP TABLE fee_schedules;
DROP TABLE merchants;
DROP TABLE businesses;
DROP FUNCTION ledger_entry_fits_account;
DROP FUNCTION ledger_transaction_is_balanced;
DROP FUNCTION refuse_change;
