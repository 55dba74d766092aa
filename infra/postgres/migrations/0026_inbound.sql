-- Up Migration
-- Who sends webhooks to a tenant, how they sign, and what becomes of their events. `revision` grows with every change, of
-- secrets too: an event is stored only if its source still is what it was verified against.
CREATE TABLE inbound_sources (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  enabled boolean NOT NULL DEFAULT true,
  scheme text NOT NULL,
  -- Of a generic scheme: header, prefix, timestampHeader, template.
  signing jsonb,
  event_id jsonb NOT NULL,
  tolerance_ms integer NOT NULL CHECK (tolerance_ms BETWEEN 1000 AND 3600000),
  route jsonb NOT NULL,
  revision integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX inbound_sources_by_tenant ON inbound_sources (tenant_id, id) WHERE deleted_at IS NULL;

CREATE TABLE inbound_secrets (
  id uuid PRIMARY KEY,
  source_id uuid NOT NULL REFERENCES inbound_sources,
  secret_encrypted bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz
);
CREATE INDEX inbound_secrets_by_source ON inbound_secrets (source_id, id);

-- Events that were verified. `key` is the sender's id, hashed: a second one of the source with it is a repetition, for as
-- long as the row is kept.
CREATE TABLE inbound_events (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  source_id uuid NOT NULL REFERENCES inbound_sources,
  key bytea NOT NULL,
  external_id text,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'processed', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  -- When it is due; while `claim` is set, when the lease of whoever processes it ends.
  next_attempt_at timestamptz DEFAULT now(),
  claim uuid,
  workflow_id text NOT NULL,
  message_id uuid,
  headers jsonb NOT NULL,
  -- The bytes as they came; null once forgotten.
  body bytea,
  body_size integer NOT NULL,
  created_at timestamptz NOT NULL,
  processed_at timestamptz
);
CREATE UNIQUE INDEX inbound_events_key ON inbound_events (source_id, key);
CREATE INDEX inbound_events_by_tenant ON inbound_events (tenant_id, id);
CREATE INDEX inbound_events_by_workflow ON inbound_events (workflow_id, next_attempt_at) WHERE state = 'pending';
-- What the sweep has given to its own workflow need not be found by it again.
CREATE INDEX inbound_events_due ON inbound_events (next_attempt_at)
  WHERE state = 'pending' AND workflow_id <> 'inbound/overdue';
-- Retention: contents first, later the rows.
CREATE INDEX inbound_events_with_body ON inbound_events (id) WHERE body IS NOT NULL AND state <> 'pending';
CREATE INDEX inbound_events_ended ON inbound_events (id) WHERE state <> 'pending';

-- Requests that were refused, by source and address. Requests to sources that do not exist share one id, of zeros.
CREATE TABLE inbound_refusals (
  source_id uuid NOT NULL,
  address text NOT NULL,
  -- Within the time that began at `since`.
  failures integer NOT NULL,
  since timestamptz NOT NULL,
  blocked_until timestamptz,
  -- From then on the row says nothing any more.
  forget_at timestamptz NOT NULL,
  PRIMARY KEY (source_id, address)
);
CREATE INDEX inbound_refusals_to_forget ON inbound_refusals (forget_at);

-- Down Migration
DROP TABLE inbound_refusals;
DROP TABLE inbound_events;
DROP TABLE inbound_secrets;
DROP TABLE inbound_sources;
