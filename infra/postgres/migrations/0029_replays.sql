-- Up Migration
-- A job over many deliveries: it replays them, or discards their dead letters. All that it needs to go on is here, so that
-- it survives the loss of any process and of its workflow.
CREATE TABLE replays (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  action text NOT NULL CHECK (action IN ('replay', 'discard')),
  -- What it walks over: deliveries by the time of their messages, or open dead letters by their own.
  source text NOT NULL CHECK (source IN ('deliveries', 'dead-letters')),
  -- Null for all of the tenant's.
  endpoint_id uuid,
  filter jsonb NOT NULL,
  -- Ids from this one on, and before the other; null for no bound.
  from_id uuid,
  before_id uuid,
  -- Deliveries a second at most; null for as fast as their endpoints take them.
  rate_limit integer CHECK (rate_limit > 0),
  reason text,
  actor text NOT NULL,
  state text NOT NULL DEFAULT 'preparing'
    CHECK (state IN ('preparing', 'running', 'paused', 'completed', 'cancelled')),
  -- While it prepares: the last endpoint that was looked at.
  prepared_to uuid,
  prepared boolean NOT NULL DEFAULT false,
  -- Null until everything is counted.
  total bigint,
  counted bigint NOT NULL DEFAULT 0,
  moved bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  -- Moved, but not attempted since, as of the last look.
  waiting bigint NOT NULL DEFAULT 0,
  -- What the rate limit leaves, and as of when.
  tokens double precision NOT NULL DEFAULT 0,
  refilled_at timestamptz NOT NULL DEFAULT now(),
  -- How many were done at the last measurement, when that was, and how many a second that came to.
  measured_done bigint NOT NULL DEFAULT 0,
  measured_at timestamptz,
  rate double precision,
  -- A workflow says that it attends to it until then.
  attended_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE INDEX replays_by_tenant ON replays (tenant_id, id);
CREATE INDEX replays_active ON replays (attended_until) WHERE state IN ('preparing', 'running');

-- What a job walks over, one endpoint a row, or the whole tenant. They take turns, so that one that takes nothing keeps
-- nobody waiting. Removed when the job ends.
CREATE TABLE replay_targets (
  replay_id uuid NOT NULL REFERENCES replays,
  scope uuid NOT NULL,
  counted_to uuid,
  counted boolean NOT NULL DEFAULT false,
  total bigint NOT NULL DEFAULT 0,
  position uuid,
  finished boolean NOT NULL DEFAULT false,
  done bigint NOT NULL DEFAULT 0,
  -- Most that may wait for their first attempt at once: what comes in for the endpoint meanwhile waits behind them.
  most_waiting integer NOT NULL DEFAULT 50,
  turn_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (replay_id, scope)
);
CREATE INDEX replay_targets_uncounted ON replay_targets (replay_id, scope) WHERE NOT counted;
CREATE INDEX replay_targets_turns ON replay_targets (replay_id, turn_at, scope) WHERE NOT finished;

-- The job that last replayed it.
ALTER TABLE deliveries ADD COLUMN replay_id uuid;
-- The second condition always holds. It keeps the index from lists of a tenant's dead deliveries, for which it would be read
-- as a whole, everybody's.
CREATE INDEX deliveries_dead ON deliveries (endpoint_id, id) WHERE state = 'dead' AND attempts_before >= 0;
CREATE INDEX deliveries_by_replay ON deliveries (replay_id, state) WHERE replay_id IS NOT NULL;
-- Those that wait for their first attempt since.
CREATE INDEX deliveries_replaying ON deliveries (replay_id, endpoint_id)
  WHERE replay_id IS NOT NULL AND state IN ('pending', 'retrying') AND attempts = attempts_before;

-- Down Migration
DROP INDEX deliveries_replaying;
DROP INDEX deliveries_by_replay;
DROP INDEX deliveries_dead;
ALTER TABLE deliveries DROP COLUMN replay_id;
DROP TABLE replay_targets;
DROP TABLE replays;
