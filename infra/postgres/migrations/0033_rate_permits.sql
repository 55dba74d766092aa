-- Up Migration
-- Where an endpoint's rate limit stands. The row is the lock that its processes take turns by.
CREATE TABLE endpoint_rates (
  endpoint_id uuid PRIMARY KEY REFERENCES endpoints,
  -- Permits in `rate_permits`, so that nobody has to count them.
  taken integer NOT NULL DEFAULT 0,
  -- When the next permit is to be had, as of the last time that one was refused.
  full_until timestamptz
) WITH (fillfactor = 50);

-- One row for each attempt that the limit of its endpoint still counts.
CREATE TABLE rate_permits (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  endpoint_id uuid NOT NULL,
  -- By when the receiver has the request: first the latest moment for that, then the one at which it had answered. The
  -- permit is free a period later, so that no two requests of the same permit can reach the receiver within one.
  arrived_by timestamptz NOT NULL
);
CREATE INDEX rate_permits_by_endpoint ON rate_permits (endpoint_id, arrived_by);

-- Gives permits for attempts, as many as the endpoint's limit has left. `permits` is null for an endpoint without a limit;
-- `wait_ms` says when to ask again for those that were not given. A function, since what it counts must be read after its
-- turn has come.
CREATE FUNCTION take_permits(of_endpoint uuid, wanted integer, least_arrival_ms integer,
                             OUT permits bigint[], OUT wait_ms float8) LANGUAGE plpgsql AS $$
DECLARE
  most integer;
  period interval;
  before integer;
  used integer;
  given integer;
  freed integer;
  at timestamptz;
  first_free timestamptz;
BEGIN
  SELECT r.taken INTO before FROM endpoint_rates r WHERE r.endpoint_id = of_endpoint FOR NO KEY UPDATE;
  SELECT e.rate_limit, e.rate_period_ms * interval '1 millisecond' INTO most, period
  FROM endpoints e WHERE e.id = of_endpoint AND e.deleted_at IS NULL;
  IF most IS NULL THEN
    IF before IS NOT NULL THEN
      DELETE FROM rate_permits p WHERE p.endpoint_id = of_endpoint;
      DELETE FROM endpoint_rates r WHERE r.endpoint_id = of_endpoint;
    END IF;
    RETURN;
  END IF;
  IF before IS NULL THEN
    INSERT INTO endpoint_rates (endpoint_id) VALUES (of_endpoint) ON CONFLICT DO NOTHING;
    SELECT r.taken INTO before FROM endpoint_rates r WHERE r.endpoint_id = of_endpoint FOR NO KEY UPDATE;
  END IF;
  at := clock_timestamp();
  DELETE FROM rate_permits p WHERE p.endpoint_id = of_endpoint AND p.arrived_by <= at - period;
  GET DIAGNOSTICS freed = ROW_COUNT;
  used := before - freed;
  given := greatest(0, least(wanted, most - used));
  permits := '{}';
  IF given > 0 THEN
    WITH made AS (
      INSERT INTO rate_permits (endpoint_id, arrived_by)
      SELECT of_endpoint, at + greatest(least_arrival_ms * interval '1 millisecond', period * 0.05)
      FROM generate_series(1, given)
      RETURNING id
    )
    SELECT array_agg(id) INTO permits FROM made;
    used := used + given;
  END IF;
  IF given < wanted THEN
    -- Requests under way may be answered at any moment, and free their permits a period later.
    SELECT least(p.arrived_by, at) INTO first_free FROM rate_permits p
    WHERE p.endpoint_id = of_endpoint ORDER BY p.arrived_by OFFSET greatest(0, used - most) LIMIT 1;
    -- Those that are free soon after are waited for: taken together they are free together from then on.
    SELECT least(p.arrived_by, at) + period INTO first_free FROM rate_permits p
    WHERE p.endpoint_id = of_endpoint AND p.arrived_by <= coalesce(first_free, at) + period * 0.05
    ORDER BY p.arrived_by DESC LIMIT 1;
    wait_ms := greatest(0, extract(epoch FROM coalesce(first_free, at) - at) * 1000);
  END IF;
  UPDATE endpoint_rates r SET taken = used, full_until = first_free WHERE r.endpoint_id = of_endpoint;
END $$;

-- Down Migration
DROP FUNCTION take_permits(uuid, integer, integer);
DROP TABLE rate_permits;
DROP TABLE endpoint_rates;
