-- Up Migration
CREATE TABLE event_types (
  tenant_id uuid NOT NULL REFERENCES tenants,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  archived boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, name)
);

-- `version` grows with every change that a delivery could notice, secrets included. Caches are keyed by (id, version),
-- and every statement that hands out a delivery says which version it needs, so nothing has to be invalidated.
CREATE TABLE endpoints (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  url text NOT NULL,
  description text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'paused', 'disabled')),
  state_reason text,
  state_changed_at timestamptz NOT NULL DEFAULT now(),
  event_types text[] NOT NULL DEFAULT '{}',
  channels text[] NOT NULL DEFAULT '{}',
  headers_encrypted bytea,
  metadata jsonb NOT NULL DEFAULT '{}',
  retry_delays_ms integer[] NOT NULL,
  timeout_ms integer NOT NULL CHECK (timeout_ms BETWEEN 1000 AND 30000),
  rate_limit integer CHECK (rate_limit > 0),
  rate_period_ms integer NOT NULL DEFAULT 60000 CHECK (rate_period_ms > 0),
  tier text NOT NULL DEFAULT 'standard',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX endpoints_by_tenant ON endpoints (tenant_id, id) WHERE deleted_at IS NULL;

-- What an endpoint wants, one row a pattern: an exact event type, `prefix.*`, or `*`. A publish looks up the few
-- patterns that its type can match, so its cost grows with the endpoints that match, not with those there are.
-- Rows of disabled and deleted endpoints are removed.
CREATE TABLE endpoint_subscriptions (
  tenant_id uuid NOT NULL,
  pattern text NOT NULL,
  endpoint_id uuid NOT NULL REFERENCES endpoints,
  PRIMARY KEY (tenant_id, pattern, endpoint_id)
);
CREATE INDEX endpoint_subscriptions_by_endpoint ON endpoint_subscriptions (endpoint_id);

CREATE TABLE endpoint_secrets (
  id uuid PRIMARY KEY,
  endpoint_id uuid NOT NULL REFERENCES endpoints,
  secret_encrypted bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz
);
CREATE INDEX endpoint_secrets_by_endpoint ON endpoint_secrets (endpoint_id, id);

-- Down Migration
DROP TABLE endpoint_secrets;
DROP TABLE endpoint_subscriptions;
DROP TABLE endpoints;
DROP TABLE event_types;
