-- Up Migration
-- Whether an endpoint's deliveries go one at a time, in the order of their commits, and what becomes of those behind one
-- that fails. `head_attempts` is null exactly for `block`.
ALTER TABLE endpoints
  ADD COLUMN ordering text NOT NULL DEFAULT 'none' CHECK (ordering IN ('none', 'fifo')),
  ADD COLUMN head_policy text NOT NULL DEFAULT 'block'
    CHECK (head_policy IN ('block', 'skip-after', 'dead-letter-after')),
  ADD COLUMN head_attempts integer CHECK (head_attempts > 0);

-- The last place given to a delivery of an ordered endpoint. Its row is locked from then until the commit, so places are
-- given in the order of commits. Updated with every publish; room is left in the pages so that this stays cheap.
CREATE TABLE endpoint_orders (
  endpoint_id uuid PRIMARY KEY,
  last_sequence bigint NOT NULL
) WITH (fillfactor = 50);

-- The place in its endpoint's order; null where there is none, or where it has left the order. One that waits for its
-- turn is in the backlog and has no `next_attempt_at`.
ALTER TABLE deliveries ADD COLUMN sequence bigint;
CREATE INDEX deliveries_in_order ON deliveries (endpoint_id, sequence)
  WHERE sequence IS NOT NULL AND state IN ('pending', 'retrying', 'held', 'dead');

-- Down Migration
DROP INDEX deliveries_in_order;
UPDATE deliveries SET next_attempt_at = now()
WHERE state IN ('pending', 'retrying') AND next_attempt_at IS NULL;
ALTER TABLE deliveries DROP COLUMN sequence;
DROP TABLE endpoint_orders;
ALTER TABLE endpoints DROP COLUMN head_attempts, DROP COLUMN head_policy, DROP COLUMN ordering;
