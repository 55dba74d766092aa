-- Up Migration
-- Ids are made before the commit, so a row may become visible behind others with later ids. Whoever writes rows of a list
-- that can be followed holds a shared lock, until its transaction ends, that says how old the oldest of them is: see
-- docs/decisions/0014-following-lists.md. Two writers never wait for each other, and a dead one's lock goes with it.
--
-- The key is the list's number (bits 48 to 62) and the milliseconds of the oldest id.
CREATE FUNCTION writes_to_list(list integer, oldest uuid, most_age_ms integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  made_ms bigint := ('x' || substr(replace(oldest::text, '-', ''), 1, 12))::bit(48)::bigint;
BEGIN
  PERFORM pg_advisory_xact_lock_shared((list::bigint << 48) | made_ms);
  -- Only now: a reader that has not seen the lock must have looked before this moment.
  IF extract(epoch FROM clock_timestamp()) * 1000 - made_ms > most_age_ms THEN
    RAISE EXCEPTION 'an id is too old to be stored: readers may have passed its place' USING ERRCODE = 'WB001';
  END IF;
  RETURN true;
END $$;

CREATE FUNCTION tell_of_writing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  oldest uuid := (SELECT id FROM written ORDER BY id LIMIT 1);
BEGIN
  IF oldest IS NOT NULL THEN PERFORM writes_to_list(TG_ARGV[0]::integer, oldest, NULL); END IF;
  RETURN NULL;
END $$;

-- Messages tell of themselves in the statement that stores them (1).
CREATE TRIGGER dead_letters_tell AFTER INSERT ON dead_letters
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_writing(2);
CREATE TRIGGER payments_tell AFTER INSERT ON payments
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_writing(3);
CREATE TRIGGER chargebacks_tell AFTER INSERT ON chargebacks
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION tell_of_writing(4);

-- Down Migration
DROP TRIGGER chargebacks_tell ON chargebacks;
DROP TRIGGER payments_tell ON payments;
DROP TRIGGER dead_letters_tell ON dead_letters;
DROP FUNCTION tell_of_writing();
DROP FUNCTION writes_to_list(integer, uuid, integer);
