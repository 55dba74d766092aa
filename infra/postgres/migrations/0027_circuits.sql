-- Up Migration
-- Whether deliveries of an endpoint are attempted. `open`: they are held; `draining`: new ones are attempted, and those
-- that were held are let go little by little. Read by the statements that store and lease deliveries, which read the
-- endpoint anyway. No part of `version`: what is sent does not change by it.
ALTER TABLE endpoints
  ADD COLUMN circuit text NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'draining')),
  -- Null for the defaults; see domains/webhooks/rules/circuit.ts.
  ADD COLUMN circuit_settings jsonb,
  -- Where deliveries go while the circuit is open, instead of being held.
  ADD COLUMN fallback_url text,
  -- How long a delivery may be held before it becomes a dead letter; null for the configured time.
  ADD COLUMN hold_for_ms bigint CHECK (hold_for_ms > 0),
  -- Whether the next delivery is to be tried at `url` although the circuit is open: see `fallback_url`.
  ADD COLUMN probe_wanted boolean NOT NULL DEFAULT false;
CREATE INDEX endpoints_circuits ON endpoints (id) WHERE circuit <> 'closed';

-- One row for each endpoint that has failed: what the circuit's rule counts, and its present or last incident. Updated by
-- the statement that records outcomes, for endpoints that fail only; room is left in the pages so that this stays cheap.
CREATE TABLE endpoint_circuits (
  endpoint_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  failures_in_row integer NOT NULL DEFAULT 0,
  window_started_at timestamptz NOT NULL DEFAULT now(),
  window_attempts integer NOT NULL DEFAULT 0,
  window_failures integer NOT NULL DEFAULT 0,
  incident uuid,
  opened_at timestamptz,
  closed_at timestamptz,
  reason text,
  last_error text,
  -- Probes of this incident that have failed; which delivery the last one was made with; until when one is under way.
  probes integer NOT NULL DEFAULT 0,
  probed_with uuid,
  probing_until timestamptz,
  next_probe_at timestamptz,
  paused boolean NOT NULL DEFAULT false,
  -- Deliveries a second that are let go while it drains; null for the endpoint's setting.
  drain_rate integer CHECK (drain_rate > 0),
  -- Who was told that this incident lasts.
  escalated text[] NOT NULL DEFAULT '{}',
  -- When the workflow should have been heard of again; after that the sweep starts it anew.
  attended_until timestamptz
) WITH (fillfactor = 50);

-- Oldest first, which their ids say, and by how long they are held.
DROP INDEX deliveries_held;
CREATE INDEX deliveries_held ON deliveries (endpoint_id, id) WHERE state = 'held';
CREATE INDEX deliveries_held_since ON deliveries (endpoint_id, updated_at) WHERE state = 'held';

-- Dead letters that nobody has to look at: what failed may work when the endpoint does.
CREATE INDEX dead_letters_recoverable ON dead_letters (endpoint_id, id)
  WHERE state = 'open' AND reason IN ('exhausted', 'backlog-expired')
    AND (last_status >= 500 OR last_status IN (408, 425, 429)
         OR last_status IS NULL AND last_error IN ('timeout', 'connection', 'dns', 'tls', 'protocol'));

-- Whether an attempt was made at the endpoint's fallback URL.
ALTER TABLE attempts ADD COLUMN fallback boolean NOT NULL DEFAULT false;

-- Down Migration
ALTER TABLE attempts DROP COLUMN fallback;
DROP INDEX dead_letters_recoverable;
DROP INDEX deliveries_held_since;
DROP INDEX deliveries_held;
CREATE INDEX deliveries_held ON deliveries (endpoint_id) WHERE state = 'held';
DROP TABLE endpoint_circuits;
DROP INDEX endpoints_circuits;
ALTER TABLE endpoints DROP COLUMN probe_wanted, DROP COLUMN hold_for_ms, DROP COLUMN fallback_url,
  DROP COLUMN circuit_settings, DROP COLUMN circuit;
