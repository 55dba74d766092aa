-- Up Migration
-- The place of a change's entry in its subscriber's consent log. The audit log is told of it when the change is concluded: its
-- entries are added one after the other for a whole tenant, and nobody who holds a subscriber's row waits for that. Changes
-- without one have told it already, or are of a suppression.
ALTER TABLE preference_changes ADD COLUMN consent_seq bigint;

-- Down Migration
ALTER TABLE preference_changes DROP COLUMN consent_seq;
