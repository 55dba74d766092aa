-- Up Migration
-- The deliveries of a replay in the order of their ids: for its list, and for what goes back when it is cancelled.
CREATE INDEX deliveries_of_replay ON deliveries (replay_id, id) WHERE replay_id IS NOT NULL;

-- Down Migration
DROP INDEX deliveries_of_replay;
