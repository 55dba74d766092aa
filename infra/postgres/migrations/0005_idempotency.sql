-- Up Migration
-- One row a request with an idempotency key: who executes it, and what it was answered.
CREATE TABLE idempotency_records (
  tenant_id uuid NOT NULL,
  -- The API key of whoever sent it: a key means nothing to anybody else.
  principal_id uuid NOT NULL,
  -- Method and template, such as `POST /v1/api-keys/{id}/rotate`.
  route text NOT NULL,
  key uuid NOT NULL,
  -- SHA-256 of what was asked for.
  fingerprint bytea NOT NULL,
  -- `interrupted`: the last execution came to nothing final; the next one goes on.
  state text NOT NULL CHECK (state IN ('in_flight', 'interrupted', 'completed')),
  -- What the request brings about: stays the same from one execution to the next.
  effect_id uuid NOT NULL,
  -- Who executes it, until when. Only this owner may store the answer.
  lock_owner uuid,
  locked_until timestamptz,
  attempt integer NOT NULL DEFAULT 1,
  status_code smallint,
  headers jsonb,
  -- Encrypted: an answer may hold a secret that is shown once.
  body bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, principal_id, route, key),
  CHECK ((state = 'in_flight') = (lock_owner IS NOT NULL AND locked_until IS NOT NULL)),
  CHECK ((state = 'completed') = (status_code IS NOT NULL AND headers IS NOT NULL AND completed_at IS NOT NULL))
);
CREATE INDEX idempotency_records_expiry ON idempotency_records (expires_at);

-- Down Migration
DROP TABLE idempotency_records;
