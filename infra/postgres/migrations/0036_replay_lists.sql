-- Up Migration
-- The deliveries of a replay in the order of their ids: for its list, and for what goes back when it is cancelled.
CREATE INDEX deliveries_of_replay ON deliveries (replay_id, id) WHERE replay_id IS NOT NULL;

-- Where its last replay took a delivery from: `dead`, `discarded`, `cancelled` or `delivered`. Null where it waited for an
-- attempt anyway, and from when on somebody else has taken it from there.
ALTER TABLE deliveries ADD COLUMN replayed_from text;

-- A cancelled replay is `cancelling` until what it reopened, and nobody attempted, is back: up to this delivery.
ALTER TABLE replays
  ADD COLUMN returned bigint NOT NULL DEFAULT 0,
  ADD COLUMN returned_to uuid,
  DROP CONSTRAINT replays_state_check,
  ADD CONSTRAINT replays_state_check
    CHECK (state IN ('preparing', 'running', 'paused', 'cancelling', 'completed', 'cancelled'));
DROP INDEX replays_active;
CREATE INDEX replays_active ON replays (attended_until) WHERE state IN ('preparing', 'running', 'cancelling');

-- Down Migration
DROP INDEX replays_active;
UPDATE replays SET state = 'cancelled', ended_at = now() WHERE state = 'cancelling';
ALTER TABLE replays
  DROP CONSTRAINT replays_state_check,
  ADD CONSTRAINT replays_state_check CHECK (state IN ('preparing', 'running', 'paused', 'completed', 'cancelled')),
  DROP COLUMN returned_to,
  DROP COLUMN returned;
CREATE INDEX replays_active ON replays (attended_until) WHERE state IN ('preparing', 'running');
ALTER TABLE deliveries DROP COLUMN replayed_from;
DROP INDEX deliveries_of_replay;
