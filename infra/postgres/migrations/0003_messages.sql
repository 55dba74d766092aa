-- Up Migration
-- No foreign keys on the tables of the hot path: each costs a lookup and a lock a row, and rows here are only ever
-- written by one statement that has just joined the rows they would refer to.
CREATE TABLE messages (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  event_type text NOT NULL,
  event_id text,
  channels text[] NOT NULL DEFAULT '{}',
  -- The exact bytes that are signed and sent; null once the content has expired.
  body text,
  -- Only where the publisher asked for another time than the default retention, which goes by the id's time.
  content_expires_at timestamptz,
  created_at timestamptz NOT NULL
);
CREATE INDEX messages_by_tenant ON messages (tenant_id, id);
CREATE INDEX messages_content_expiry ON messages (content_expires_at) WHERE content_expires_at IS NOT NULL;

-- One row a publisher's key: `event:<event id>` or `request:<Idempotency-Key>`. Written by the same statement as the message.
CREATE TABLE message_keys (
  tenant_id uuid NOT NULL,
  key text NOT NULL,
  message_id uuid NOT NULL,
  fingerprint bytea NOT NULL,
  PRIMARY KEY (tenant_id, key)
);
CREATE INDEX message_keys_by_message ON message_keys (message_id);

-- A delivery's id is derived: the first 64 bits of its message's id, then 60 bits of a hash of message and endpoint.
-- So a message meets an endpoint once, whatever is repeated, and a message's deliveries are a range of the primary key.
CREATE TABLE deliveries (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  message_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  event_type text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'delivered', 'retrying', 'held', 'dead', 'cancelled', 'suppressed')),
  attempts integer NOT NULL DEFAULT 0,
  -- Attempts made before the current run of the retry schedule; moves when a dead letter is retried.
  attempts_before integer NOT NULL DEFAULT 0,
  -- When the next attempt is due; while `claim` is set, when the claim's lease ends.
  next_attempt_at timestamptz,
  -- Who holds the lease. Only the holder may record an outcome that is not a success.
  claim uuid,
  last_status smallint,
  last_error text,
  workflow_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX deliveries_by_tenant ON deliveries (tenant_id, id);
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, id);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state IN ('pending', 'retrying');
CREATE INDEX deliveries_held ON deliveries (endpoint_id) WHERE state = 'held';

CREATE TABLE attempts (
  delivery_id uuid NOT NULL,
  id uuid NOT NULL,
  number integer NOT NULL,
  -- `accept`: at once in the accepting process; `schedule`: by the workflow; `operator`: asked for.
  trigger text NOT NULL,
  started_at timestamptz NOT NULL,
  duration_ms integer NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('succeeded', 'failed')),
  status smallint,
  error text,
  error_detail text,
  response_body text,
  PRIMARY KEY (delivery_id, id)
);

CREATE TABLE dead_letters (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  message_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  event_type text NOT NULL,
  reason text NOT NULL,
  last_status smallint,
  last_error text,
  attempts integer NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'retried', 'discarded')),
  created_at timestamptz NOT NULL,
  resolved_at timestamptz
);
CREATE INDEX dead_letters_by_tenant ON dead_letters (tenant_id, id);
CREATE INDEX dead_letters_by_endpoint ON dead_letters (endpoint_id, id);
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (delivery_id) WHERE state = 'open';

-- Down Migration
DROP TABLE dead_letters;
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE message_keys;
DROP TABLE messages;
