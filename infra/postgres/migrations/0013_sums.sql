-- Up Migration
-- A single amount is at most 10^15 minor units. What is older stays as it is, and can be taken back.
ALTER TABLE orders ADD CONSTRAINT amount_in_bounds CHECK (amount <= 1000000000000000) NOT VALID;
ALTER TABLE payments ADD CONSTRAINT amount_in_bounds CHECK (amount <= 1000000000000000) NOT VALID;
ALTER TABLE refunds ADD CONSTRAINT amount_in_bounds CHECK (amount <= 1000000000000000) NOT VALID;
ALTER TABLE merchants ADD CONSTRAINT payout_minimum_in_bounds CHECK (payout_minimum <= 1000000000000000) NOT VALID;
ALTER TABLE fee_schedules ADD CONSTRAINT fees_in_bounds CHECK (fixed <= 1000000000000000
  AND coalesce(min_fee, 0) <= 1000000000000000 AND coalesce(max_fee, 0) <= 1000000000000000
  AND dispute_fee <= 1000000000000000) NOT VALID;

-- Entries of one event, its fee and tax included, stay below 10^16; only those that settle a day are sums. The condition
-- of the trigger is all that other entries cost.
CREATE FUNCTION ledger_entry_in_bounds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM ledger_transactions WHERE id = NEW.transaction_id AND reverses_id IS NULL
             AND kind NOT IN ('settlement', 'payout', 'payout_paid')) THEN
    RAISE EXCEPTION 'a ledger entry of % minor units is out of bounds', NEW.amount USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER in_bounds AFTER INSERT ON ledger_entries FOR EACH ROW
  WHEN (NEW.amount > 10000000000000000 OR NEW.amount < -10000000000000000) EXECUTE FUNCTION ledger_entry_in_bounds();

-- The balances of accounts of which nothing but the balance is asked again and again: reading it costs the same however
-- much was posted. A trigger keeps them, in the transaction that posts.
CREATE TABLE ledger_balances (
  account_id uuid PRIMARY KEY REFERENCES ledger_accounts,
  balance numeric NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION ledger_balances_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- In the order of accounts, so that two that post to the same ones wait for each other and do not lock each other out.
  INSERT INTO ledger_balances AS kept (account_id, balance)
  SELECT e.account_id, sum(e.amount) FROM added e JOIN ledger_accounts a ON a.id = e.account_id
  WHERE a.code LIKE 'wallet:%' OR a.code LIKE 'wallet\_held:%' OR a.code LIKE 'merchant\_payable:%'
  GROUP BY e.account_id ORDER BY e.account_id
  ON CONFLICT (account_id) DO UPDATE SET balance = kept.balance + excluded.balance;
  RETURN NULL;
END $$;
-- Made before the sums are taken: it keeps others from posting until this migration is done.
CREATE TRIGGER balances_follow AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_balances_follow();
INSERT INTO ledger_balances (account_id, balance)
SELECT a.id, sum(e.amount) FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id
WHERE a.code LIKE 'wallet:%' OR a.code LIKE 'wallet\_held:%' OR a.code LIKE 'merchant\_payable:%'
GROUP BY a.id;
CREATE TRIGGER kept_by_trigger BEFORE INSERT OR UPDATE OR DELETE ON ledger_balances FOR EACH STATEMENT
  WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON ledger_balances EXECUTE FUNCTION refuse_change();

-- A smallest payout is an amount of a currency. merchants.payout_minimum is that of merchants that were registered
-- before, for every currency that has none here.
CREATE TABLE merchant_payout_minimums (
  merchant_id uuid NOT NULL REFERENCES merchants,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000000),
  PRIMARY KEY (merchant_id, currency)
);

-- Merchants that are not settled until somebody says so; their transactions wait.
CREATE TABLE settlement_holds (
  merchant_id uuid PRIMARY KEY REFERENCES merchants,
  tenant_id uuid NOT NULL REFERENCES businesses,
  reason text NOT NULL CHECK (reason IN ('out_of_range', 'refused_by_database', 'by_hand')),
  detail text NOT NULL,
  -- Who: an API key's id, or `settlement`.
  actor text NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX settlement_holds_by_tenant ON settlement_holds (tenant_id, merchant_id);

-- Merchants that a run left out: their statements in it only carry a balance over.
CREATE TABLE settlement_set_aside (
  run_id uuid NOT NULL REFERENCES settlement_runs,
  merchant_id uuid NOT NULL REFERENCES merchants,
  reason text NOT NULL,
  detail text NOT NULL,
  since timestamptz NOT NULL,
  PRIMARY KEY (run_id, merchant_id)
);

-- What a run claimed of a merchant that it then set aside waits again, for a later one.
CREATE FUNCTION settlement_item_is_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.run_id IS NULL AND EXISTS (
    SELECT FROM settlement_set_aside s JOIN settlement_runs r ON r.id = s.run_id
    WHERE s.run_id = OLD.run_id AND s.merchant_id = OLD.merchant_id AND r.state = 'running'
  ) THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION '% rows never change: an item belongs to one run', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER claimed_once ON settlement_items;
CREATE TRIGGER claimed_once AFTER UPDATE OF run_id ON settlement_items FOR EACH ROW
  WHEN (OLD.run_id IS NOT NULL AND OLD.run_id IS DISTINCT FROM NEW.run_id) EXECUTE FUNCTION settlement_item_is_released();

-- Reserves that were given back are not read again.
DROP INDEX settlement_reserves_due;
CREATE INDEX settlement_reserves_due ON settlement_reserves (merchant_id, release_on) WHERE released_run_id IS NULL;
CREATE INDEX settlement_reserves_released ON settlement_reserves (released_run_id, merchant_id)
  WHERE released_run_id IS NOT NULL;

-- Down Migration
DROP INDEX settlement_reserves_released;
DROP INDEX settlement_reserves_due;
CREATE INDEX settlement_reserves_due ON settlement_reserves (merchant_id, release_on);
DROP TRIGGER claimed_once ON settlement_items;
CREATE TRIGGER claimed_once AFTER UPDATE OF run_id ON settlement_items FOR EACH ROW
  WHEN (OLD.run_id IS NOT NULL AND OLD.run_id IS DISTINCT FROM NEW.run_id) EXECUTE FUNCTION refuse_change();
DROP FUNCTION settlement_item_is_released;
DROP TABLE settlement_set_aside;
DROP TABLE settlement_holds;
DROP TABLE merchant_payout_minimums;
DROP TRIGGER balances_follow ON ledger_entries;
DROP FUNCTION ledger_balances_follow;
DROP TABLE ledger_balances;
DROP TRIGGER in_bounds ON ledger_entries;
DROP FUNCTION ledger_entry_in_bounds;
ALTER TABLE fee_schedules DROP CONSTRAINT fees_in_bounds;
ALTER TABLE merchants DROP CONSTRAINT payout_minimum_in_bounds;
ALTER TABLE refunds DROP CONSTRAINT amount_in_bounds;
ALTER TABLE payments DROP CONSTRAINT amount_in_bounds;
ALTER TABLE orders DROP CONSTRAINT amount_in_bounds;
