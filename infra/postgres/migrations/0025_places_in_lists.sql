-- Up Migration
-- Where a row stands in a list that is followed: a time of the database's clock, taken in the statement that stores the row,
-- and a number, as a UUID v7. Ids may be older than that by any time: those of requests keep the moment of their first execution, those
-- of settlements are derived. See docs/decisions/0014-following-lists.md.
CREATE SEQUENCE places_in_lists;

-- Before the statement's rows get their places, it tells, by a lock, from when on they will be. A place that was long in
-- being told is not used, since readers may have gone past it: unlike the age of an id, it can be taken anew.
CREATE FUNCTION takes_places() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  place_ms bigint;
BEGIN
  LOOP
    place_ms := floor(extract(epoch FROM clock_timestamp()) * 1000);
    PERFORM pg_advisory_xact_lock_shared((TG_ARGV[0]::bigint << 48) | place_ms);
    EXIT WHEN extract(epoch FROM clock_timestamp()) * 1000 - place_ms < TG_ARGV[1]::integer;
  END LOOP;
  PERFORM set_config('waybill.place_ms', place_ms::text, true);
  RETURN NULL;
END $$;

-- Without triggers, as in a copy that is made of a table, nobody reads meanwhile.
CREATE FUNCTION next_place() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT (lpad(to_hex(coalesce(nullif(current_setting('waybill.place_ms', true), '')::bigint,
                               floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)), 12, '0')
          || '70008' || lpad(to_hex(nextval('places_in_lists')), 15, '0'))::uuid
$$;

-- The place of a row that was there before.
CREATE FUNCTION place_of(stored timestamptz, id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM stored) * 1000)::bigint), 12, '0')
          || substr(replace(id::text, '-', ''), 13))::uuid
$$;

-- Those that could be followed by their ids keep them as places, and so their readers the cursors that they have.
DROP TRIGGER dead_letters_tell ON dead_letters;
DROP TRIGGER payments_tell ON payments;
DROP TRIGGER chargebacks_tell ON chargebacks;
DROP FUNCTION tell_of_writing();

ALTER TABLE dead_letters ADD COLUMN place uuid;
ALTER TABLE payments ADD COLUMN place uuid;
ALTER TABLE chargebacks ADD COLUMN place uuid;
ALTER TABLE orders ADD COLUMN place uuid;
ALTER TABLE refunds ADD COLUMN place uuid;
ALTER TABLE wallets ADD COLUMN place uuid;
ALTER TABLE payment_approvals ADD COLUMN place uuid;
ALTER TABLE ledger_transactions ADD COLUMN place uuid;
ALTER TABLE payouts ADD COLUMN place uuid;
ALTER TABLE reconciliation_runs ADD COLUMN place uuid;

-- A change of type writes rows that may never be changed, too.
ALTER TABLE dead_letters ALTER COLUMN place TYPE uuid USING id;
ALTER TABLE payments ALTER COLUMN place TYPE uuid USING id;
ALTER TABLE chargebacks ALTER COLUMN place TYPE uuid USING id;
ALTER TABLE orders ALTER COLUMN place TYPE uuid USING place_of(created_at, id);
ALTER TABLE refunds ALTER COLUMN place TYPE uuid USING place_of(created_at, id);
ALTER TABLE wallets ALTER COLUMN place TYPE uuid USING place_of(created_at, id);
ALTER TABLE payment_approvals ALTER COLUMN place TYPE uuid USING place_of(created_at, id);
ALTER TABLE ledger_transactions ALTER COLUMN place TYPE uuid USING place_of(recorded_at, id);
ALTER TABLE payouts ALTER COLUMN place TYPE uuid USING place_of(sent_at, id);
ALTER TABLE reconciliation_runs ALTER COLUMN place TYPE uuid USING place_of(created_at, id);
DROP FUNCTION place_of(timestamptz, uuid);

ALTER TABLE dead_letters ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE payments ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE chargebacks ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE orders ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE refunds ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE wallets ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE payment_approvals ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE ledger_transactions ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE payouts ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();
ALTER TABLE reconciliation_runs ALTER COLUMN place SET NOT NULL, ALTER COLUMN place SET DEFAULT next_place();

-- The list's number and how long, in milliseconds, a place may be in being told: infra/postgres/followed-lists.ts has both.
CREATE TRIGGER takes_places BEFORE INSERT ON dead_letters EXECUTE FUNCTION takes_places(2, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON payments EXECUTE FUNCTION takes_places(3, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON chargebacks EXECUTE FUNCTION takes_places(4, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON orders EXECUTE FUNCTION takes_places(5, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON refunds EXECUTE FUNCTION takes_places(6, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON wallets EXECUTE FUNCTION takes_places(7, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON payment_approvals EXECUTE FUNCTION takes_places(8, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON ledger_transactions EXECUTE FUNCTION takes_places(9, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON payouts EXECUTE FUNCTION takes_places(10, 1000);
CREATE TRIGGER takes_places BEFORE INSERT ON reconciliation_runs EXECUTE FUNCTION takes_places(11, 1000);

-- The lists are in the order of places, followed or not, so that each still needs one index.
DROP INDEX dead_letters_by_tenant, dead_letters_by_endpoint, payments_by_tenant, payments_by_order, chargebacks_by_tenant,
  orders_by_tenant, refunds_by_payment, wallets_by_tenant, payment_approvals_by_tenant, ledger_transactions_by_tenant,
  payouts_by_tenant, reconciliation_runs_by_run;
CREATE INDEX dead_letters_by_tenant ON dead_letters (tenant_id, place);
CREATE INDEX dead_letters_by_endpoint ON dead_letters (endpoint_id, place);
CREATE INDEX payments_by_tenant ON payments (tenant_id, place);
CREATE INDEX payments_by_order ON payments (order_id, place);
CREATE INDEX chargebacks_by_tenant ON chargebacks (tenant_id, place);
CREATE INDEX orders_by_tenant ON orders (tenant_id, place);
CREATE INDEX refunds_by_payment ON refunds (payment_id, place);
CREATE INDEX wallets_by_tenant ON wallets (tenant_id, place);
CREATE INDEX payment_approvals_by_tenant ON payment_approvals (tenant_id, place);
CREATE INDEX ledger_transactions_by_tenant ON ledger_transactions (tenant_id, place);
CREATE INDEX payouts_by_tenant ON payouts (tenant_id, place);
CREATE INDEX reconciliation_runs_by_run ON reconciliation_runs (run_id, place);

-- Down Migration
DROP TRIGGER takes_places ON dead_letters;
DROP TRIGGER takes_places ON payments;
DROP TRIGGER takes_places ON chargebacks;
DROP TRIGGER takes_places ON orders;
DROP TRIGGER takes_places ON refunds;
DROP TRIGGER takes_places ON wallets;
DROP TRIGGER takes_places ON payment_approvals;
DROP TRIGGER takes_places ON ledger_transactions;
DROP TRIGGER takes_places ON payouts;
DROP TRIGGER takes_places ON reconciliation_runs;
ALTER TABLE dead_letters DROP COLUMN place;
ALTER TABLE payments DROP COLUMN place;
ALTER TABLE chargebacks DROP COLUMN place;
ALTER TABLE orders DROP COLUMN place;
ALTER TABLE refunds DROP COLUMN place;
ALTER TABLE wallets DROP COLUMN place;
ALTER TABLE payment_approvals DROP COLUMN place;
ALTER TABLE ledger_transactions DROP COLUMN place;
ALTER TABLE payouts DROP COLUMN place;
ALTER TABLE reconciliation_runs DROP COLUMN place;
DROP FUNCTION next_place();
DROP FUNCTION takes_places();
DROP SEQUENCE places_in_lists;
CREATE INDEX dead_letters_by_tenant ON dead_letters (tenant_id, id);
CREATE INDEX dead_letters_by_endpoint ON dead_letters (endpoint_id, id);
CREATE INDEX payments_by_tenant ON payments (tenant_id, id);
CREATE INDEX payments_by_order ON payments (order_id, id);
CREATE INDEX chargebacks_by_tenant ON chargebacks (tenant_id, id);
CREATE INDEX orders_by_tenant ON orders (tenant_id, id);
CREATE INDEX refunds_by_payment ON refunds (payment_id, id);
CREATE INDEX wallets_by_tenant ON wallets (tenant_id, id);
CREATE INDEX payment_approvals_by_tenant ON payment_approvals (tenant_id, id);
CREATE INDEX ledger_transactions_by_tenant ON ledger_transactions (tenant_id, id);
CREATE INDEX payouts_by_tenant ON payouts (tenant_id, id);
CREATE INDEX reconciliation_runs_by_run ON reconciliation_runs (run_id, id);
CREATE FUNCTION tell_of_writing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  oldest uuid := (SELECT id FROM written ORDER BY id LIMIT 1);
BEGIN
  IF oldest IS NOT NULL THEN PERFORM writes_to_list(TG_ARGV[0]::integer, oldest, NULL); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letters_tell AFTER INSERT ON dead_letters
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_writing(2);
CREATE TRIGGER payments_tell AFTER INSERT ON payments
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_writing(3);
CREATE TRIGGER chargebacks_tell AFTER INSERT ON chargebacks
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_writing(4);
