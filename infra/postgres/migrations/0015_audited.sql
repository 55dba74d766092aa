-- Up Migration
-- The ledger: one statement writes a transaction with all of its entries, and nothing joins it after that. Checked once a
-- statement, not once a row, so that a batch costs little more than a single posting.
DROP TRIGGER ledger_entries_balance ON ledger_entries;
DROP TRIGGER ledger_entries_fit ON ledger_entries;
DROP FUNCTION ledger_transaction_is_balanced;
DROP FUNCTION ledger_entry_fits_account;

CREATE FUNCTION ledger_entries_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad uuid;
BEGIN
  SELECT transaction_id INTO bad FROM added GROUP BY transaction_id, currency HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger transaction % does not balance', bad USING ERRCODE = 'check_violation';
  END IF;
  SELECT a.transaction_id INTO bad FROM (SELECT transaction_id, count(*) AS entries FROM added GROUP BY transaction_id) a
  WHERE a.entries <> (SELECT count(*) FROM ledger_entries e WHERE e.transaction_id = a.transaction_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger transaction % has its entries already: post another one', bad
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  SELECT e.transaction_id INTO bad FROM added e
  LEFT JOIN ledger_accounts a ON a.id = e.account_id LEFT JOIN ledger_transactions t ON t.id = e.transaction_id
  WHERE a.currency IS DISTINCT FROM e.currency OR a.tenant_id IS DISTINCT FROM t.tenant_id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a ledger entry has the currency and the tenant of its account, not so in transaction %', bad
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER whole AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_are_whole();

CREATE FUNCTION ledger_transactions_have_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad uuid;
BEGIN
  SELECT t.id INTO bad FROM added t
  WHERE NOT EXISTS (SELECT FROM ledger_entries e WHERE e.transaction_id = t.id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger transaction % has no entries: one statement writes both', bad
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER whole AFTER INSERT ON ledger_transactions REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_transactions_have_entries();

DROP TRIGGER immutable ON ledger_transactions;
DROP TRIGGER not_emptied ON ledger_transactions;
DROP TRIGGER immutable ON ledger_entries;
DROP TRIGGER not_emptied ON ledger_entries;
DROP TRIGGER immutable ON fee_schedules;
DROP TRIGGER immutable ON finance_audit_log;
DROP TRIGGER not_emptied ON finance_audit_log;
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries EXECUTE FUNCTION refuse_change();
-- Another code would move all that was ever posted to it.
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_accounts EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON fee_schedules EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_audit_log EXECUTE FUNCTION refuse_change();

-- The end of each tenant's audit log, kept apart from it: the log alone cannot show that its last entries were removed.
-- A trigger keeps it, so that whoever adds to the log moves it.
CREATE TABLE finance_audit_heads (
  tenant_id uuid PRIMARY KEY REFERENCES tenants,
  seq bigint NOT NULL CHECK (seq >= 1),
  hash bytea NOT NULL CHECK (length(hash) = 32)
);
INSERT INTO finance_audit_heads
  SELECT DISTINCT ON (tenant_id) tenant_id, seq, hash FROM finance_audit_log ORDER BY tenant_id, seq DESC;

CREATE FUNCTION finance_audit_moves_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO finance_audit_heads AS head
    SELECT DISTINCT ON (tenant_id) tenant_id, seq, hash FROM added ORDER BY tenant_id, seq DESC
    ON CONFLICT (tenant_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > head.seq;
  RETURN NULL;
END $$;
CREATE TRIGGER moves_head AFTER INSERT ON finance_audit_log REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION finance_audit_moves_head();
CREATE TRIGGER only_forward BEFORE UPDATE ON finance_audit_heads FOR EACH ROW
  WHEN (NEW.seq <= OLD.seq OR NEW.tenant_id <> OLD.tenant_id) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_deleted BEFORE DELETE OR TRUNCATE ON finance_audit_heads EXECUTE FUNCTION refuse_change();

-- A completed run names the entry of the audit log that says what it came to.
ALTER TABLE settlement_runs ADD COLUMN audit_seq bigint, ADD COLUMN audit_hash bytea,
  ADD CHECK ((audit_seq IS NULL) = (audit_hash IS NULL));
UPDATE settlement_runs r SET audit_seq = l.seq, audit_hash = l.hash
FROM (SELECT DISTINCT ON (tenant_id, subject) tenant_id, subject, seq, hash FROM finance_audit_log
      WHERE action = 'settlement.completed' ORDER BY tenant_id, subject, seq DESC) l
WHERE r.state = 'completed' AND l.tenant_id = r.tenant_id AND l.subject = 'set_' || replace(r.id::text, '-', '');

CREATE TRIGGER completed_later BEFORE INSERT ON settlement_runs FOR EACH ROW
  WHEN (NEW.state = 'completed') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE ON settlement_runs FOR EACH ROW
  WHEN (OLD.state = 'completed') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_deleted BEFORE DELETE OR TRUNCATE ON settlement_runs EXECUTE FUNCTION refuse_change();

-- Statements and reserves are written only while their run is running. The lock keeps the run from being completed
-- between this look and the commit.
CREATE FUNCTION settlement_run_is_running() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM changed)
     AND NOT (SELECT coalesce(bool_and(state = 'running'), false)
              FROM (SELECT state FROM settlement_runs WHERE id IN (SELECT run_id FROM changed) FOR SHARE) AS runs) THEN
    RAISE EXCEPTION '% rows never change unless their run is running', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER of_running_run_added AFTER INSERT ON settlement_records REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_run_is_running();
CREATE TRIGGER of_running_run_deleted AFTER DELETE ON settlement_records REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_run_is_running();
CREATE TRIGGER immutable BEFORE UPDATE OR TRUNCATE ON settlement_records EXECUTE FUNCTION refuse_change();

CREATE TRIGGER of_running_run_added AFTER INSERT ON settlement_reserves REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_run_is_running();
CREATE TRIGGER immutable BEFORE UPDATE OF run_id, merchant_id, currency, amount, release_on ON settlement_reserves
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER released_once AFTER UPDATE OF released_run_id ON settlement_reserves FOR EACH ROW
  WHEN (OLD.released_run_id IS NOT NULL OR NEW.released_run_id IS NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_deleted BEFORE DELETE OR TRUNCATE ON settlement_reserves EXECUTE FUNCTION refuse_change();

-- Verification sums up what a run has released.
CREATE INDEX IF NOT EXISTS settlement_reserves_released ON settlement_reserves (released_run_id)
  WHERE released_run_id IS NOT NULL;

CREATE FUNCTION settlement_releasing_run_is_running() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT state FROM settlement_runs WHERE id IN (SELECT released_run_id FROM changed) FOR SHARE)
             AS runs WHERE state <> 'running') THEN
    RAISE EXCEPTION '% rows never change unless their run is running', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER released_by_running_run AFTER UPDATE ON settlement_reserves REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_releasing_run_is_running();

-- An item is added unclaimed, then claimed by a run whose claim is open, which also says whether it is late.
DROP TRIGGER immutable ON settlement_items;
DROP TRIGGER not_deleted ON settlement_items;
CREATE TRIGGER claimed_later BEFORE INSERT ON settlement_items FOR EACH ROW
  WHEN (NEW.run_id IS NOT NULL OR NEW.late) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OF transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net,
  effective_at ON settlement_items EXECUTE FUNCTION refuse_change();
-- After the row, since a trigger before it locks each row once more than the update does.
CREATE TRIGGER late_by_claim AFTER UPDATE OF late ON settlement_items FOR EACH ROW
  WHEN (OLD.late <> NEW.late AND OLD.run_id IS NOT DISTINCT FROM NEW.run_id) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_deleted BEFORE DELETE OR TRUNCATE ON settlement_items EXECUTE FUNCTION refuse_change();

CREATE FUNCTION settlement_claim_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT run_id FROM changed WHERE run_id IS NOT NULL) AS claimed
             LEFT JOIN settlement_runs r ON r.id = claimed.run_id WHERE r.state IS DISTINCT FROM 'running' OR r.claimed_at IS NOT NULL) THEN
    RAISE EXCEPTION 'settlement_items rows never change unless the claim of their run is open'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER claimed_by_open_run AFTER UPDATE ON settlement_items REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_claim_is_open();

-- Down Migration
DROP TRIGGER claimed_by_open_run ON settlement_items;
DROP TRIGGER not_deleted ON settlement_items;
DROP TRIGGER late_by_claim ON settlement_items;
DROP TRIGGER immutable ON settlement_items;
DROP TRIGGER claimed_later ON settlement_items;
CREATE TRIGGER immutable BEFORE UPDATE OF transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net,
  effective_at ON settlement_items FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_deleted BEFORE DELETE ON settlement_items FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER released_by_running_run ON settlement_reserves;
DROP INDEX IF EXISTS settlement_reserves_released;
DROP TRIGGER not_deleted ON settlement_reserves;
DROP TRIGGER released_once ON settlement_reserves;
DROP TRIGGER immutable ON settlement_reserves;
DROP TRIGGER of_running_run_added ON settlement_reserves;
DROP TRIGGER immutable ON settlement_records;
DROP TRIGGER of_running_run_deleted ON settlement_records;
DROP TRIGGER of_running_run_added ON settlement_records;
DROP TRIGGER not_deleted ON settlement_runs;
DROP TRIGGER immutable ON settlement_runs;
DROP TRIGGER completed_later ON settlement_runs;
DROP FUNCTION settlement_claim_is_open, settlement_releasing_run_is_running, settlement_run_is_running;
ALTER TABLE settlement_runs DROP COLUMN audit_seq, DROP COLUMN audit_hash;
DROP TRIGGER moves_head ON finance_audit_log;
DROP FUNCTION finance_audit_moves_head;
DROP TABLE finance_audit_heads;
DROP TRIGGER immutable ON finance_audit_log;
DROP TRIGGER immutable ON fee_schedules;
DROP TRIGGER immutable ON ledger_accounts;
DROP TRIGGER immutable ON ledger_entries;
DROP TRIGGER immutable ON ledger_transactions;
DROP TRIGGER whole ON ledger_transactions;
DROP TRIGGER whole ON ledger_entries;
DROP FUNCTION ledger_transactions_have_entries, ledger_entries_are_whole;
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON ledger_transactions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON fee_schedules FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON finance_audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON ledger_transactions EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON ledger_entries EXECUTE FUNCTION refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON finance_audit_log EXECUTE FUNCTION refuse_change();
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
