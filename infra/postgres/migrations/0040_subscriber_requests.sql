-- Up Migration
-- Copies of everything held about somebody, made for them. What a copy says is in its pieces, sealed with the subscriber's
-- own key: once that is destroyed nobody can read them, wherever they were copied to.
CREATE TABLE subscriber_exports (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  subscriber_id uuid NOT NULL REFERENCES subscribers,
  format text NOT NULL CHECK (format IN ('json', 'csv')),
  state text NOT NULL DEFAULT 'collecting' CHECK (state IN ('collecting', 'ready')),
  -- Where the next piece begins: `part` and `after` in it; null before the first.
  position jsonb,
  pieces integer NOT NULL DEFAULT 0,
  -- Records so far, by part.
  counts jsonb NOT NULL DEFAULT '{}',
  bytes bigint NOT NULL DEFAULT 0,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  ready_at timestamptz,
  -- From then on its link leads nowhere.
  expires_at timestamptz,
  -- When the sweep looks after it, if it is still collecting.
  due_at timestamptz NOT NULL,
  CHECK ((state = 'ready') = (expires_at IS NOT NULL))
);
CREATE INDEX subscriber_exports_by_subscriber ON subscriber_exports (subscriber_id, id);
CREATE INDEX subscriber_exports_due ON subscriber_exports (due_at) WHERE state = 'collecting';
CREATE INDEX subscriber_exports_expiry ON subscriber_exports (expires_at) WHERE state = 'ready';

CREATE TABLE subscriber_export_pieces (
  export_id uuid NOT NULL REFERENCES subscriber_exports ON DELETE CASCADE,
  number integer NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (export_id, number)
);

-- What has become of each erasure, by kinds and numbers: nothing here says who somebody was.
CREATE TABLE subscriber_erasures (
  subscriber_id uuid PRIMARY KEY REFERENCES subscribers,
  tenant_id uuid NOT NULL REFERENCES tenants,
  change_id uuid NOT NULL,
  -- The subscriber's version that it made.
  version bigint NOT NULL,
  state text NOT NULL DEFAULT 'erasing' CHECK (state IN ('erasing', 'done')),
  -- How many of each kind are gone.
  counts jsonb NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  done_at timestamptz,
  -- When the sweep looks after it, if it is not done.
  due_at timestamptz NOT NULL,
  CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX subscriber_erasures_due ON subscriber_erasures (due_at) WHERE state = 'erasing';

CREATE INDEX preference_changes_by_subscriber ON preference_changes (subscriber_id, id) WHERE subscriber_id IS NOT NULL;

-- Down Migration
DROP INDEX preference_changes_by_subscriber;
DROP TABLE subscriber_erasures;
DROP TABLE subscriber_export_pieces;
DROP TABLE subscriber_exports;
