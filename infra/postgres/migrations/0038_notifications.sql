-- Up Migration
-- When a subscriber got each version, by the clock of this server. The row of the subscriber is locked by then and until the
-- commit, and decisions lock it too: one that was taken later saw this version, or a later one. `broken_decisions` holds them
-- to that, whoever changed the version.
CREATE TABLE preference_versions (
  subscriber_id uuid NOT NULL,
  version bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (subscriber_id, version)
);
CREATE INDEX preference_versions_by_time ON preference_versions (at);
CREATE FUNCTION keep_preference_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO preference_versions (subscriber_id, version, at)
  VALUES (NEW.id, NEW.preference_version, clock_timestamp()) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_version AFTER UPDATE OF preference_version ON subscribers FOR EACH ROW
  WHEN (NEW.preference_version <> OLD.preference_version) EXECUTE FUNCTION keep_preference_version();

-- Who a tenant's mail is from.
CREATE TABLE notification_settings (
  tenant_id uuid PRIMARY KEY REFERENCES tenants,
  sender_name text,
  sender_address text,
  reply_to text,
  -- Stands at the end of commercial mail.
  postal_address text,
  revision bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notification_templates (
  tenant_id uuid NOT NULL REFERENCES tenants,
  key text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  -- The latest, which is used when none is asked for.
  version integer NOT NULL DEFAULT 1,
  revision bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);

-- What a template says, by channel. A version is never changed.
CREATE TABLE notification_template_versions (
  tenant_id uuid NOT NULL,
  template text NOT NULL,
  version integer NOT NULL,
  content jsonb NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, template, version),
  FOREIGN KEY (tenant_id, template) REFERENCES notification_templates (tenant_id, key) ON DELETE CASCADE
);

CREATE TABLE notifications (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  subscriber_id uuid NOT NULL REFERENCES subscribers,
  topic text,
  category text,
  template text,
  template_version integer,
  -- What it says by channel, filled in; null once forgotten.
  content_sealed bytea,
  workflow_id text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (num_nonnulls(topic, category) = 1)
);
CREATE INDEX notifications_by_tenant ON notifications (tenant_id, id);
CREATE INDEX notifications_by_subscriber ON notifications (subscriber_id, id);
CREATE INDEX notifications_with_content ON notifications (id) WHERE content_sealed IS NOT NULL;

-- A notification on its way to one address, or by one channel that needs none. `pending` until `next_attempt_at`; `sending`
-- once it was allowed and handed over, and if nobody has said by `next_attempt_at` what became of it, it is due again.
CREATE TABLE sends (
  id uuid PRIMARY KEY,
  notification_id uuid NOT NULL REFERENCES notifications ON DELETE CASCADE,
  tenant_id uuid NOT NULL REFERENCES tenants,
  subscriber_id uuid NOT NULL REFERENCES subscribers,
  channel text NOT NULL CHECK (channel IN ('email', 'sms', 'push', 'in_app', 'webhook')),
  destination_id uuid,
  state text NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'sending', 'sent', 'suppressed', 'failed', 'cancelled')),
  workflow_id text NOT NULL,
  next_attempt_at timestamptz DEFAULT now(),
  claim uuid,
  -- How often it was decided about, and how often handed over.
  decisions integer NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  -- The last decision.
  decision text CHECK (decision IN ('allow', 'deny', 'defer')),
  rule text,
  level text,
  record_id text,
  reason text,
  preference_version bigint,
  decided_at timestamptz,
  -- While quiet hours put it off.
  deferred_until timestamptz,
  provider_reference text,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  CHECK ((state IN ('pending', 'sending')) = (ended_at IS NULL))
);
CREATE INDEX sends_by_notification ON sends (notification_id, id);
CREATE INDEX sends_by_workflow ON sends (workflow_id, next_attempt_at) WHERE state IN ('pending', 'sending');
-- What the sweep has given to its own workflow need not be found by it again.
CREATE INDEX sends_due ON sends (next_attempt_at)
  WHERE state IN ('pending', 'sending') AND workflow_id <> 'notification/overdue';
CREATE INDEX sends_pending_by_subscriber ON sends (subscriber_id, id) WHERE state = 'pending';

-- Every decision about a send, in the transaction that acted on it.
CREATE TABLE send_decisions (
  send_id uuid NOT NULL,
  number integer NOT NULL,
  tenant_id uuid NOT NULL,
  subscriber_id uuid NOT NULL,
  decision text NOT NULL,
  rule text NOT NULL,
  level text NOT NULL,
  record_id text,
  reason text,
  version bigint NOT NULL,
  decided_at timestamptz NOT NULL,
  -- Until then the send may begin on the wire; only where it was allowed.
  hand_off_until timestamptz,
  PRIMARY KEY (send_id, number)
);
CREATE INDEX send_decisions_by_time ON send_decisions (decided_at);
CREATE TRIGGER immutable BEFORE UPDATE OR TRUNCATE ON send_decisions EXECUTE FUNCTION refuse_change();

-- Sends that were allowed by an older version than the subscriber had by then: somebody may have been sent what they had
-- refused. There is none, as long as decisions are taken in the transaction that acts on them.
CREATE VIEW broken_decisions AS
  SELECT d.*, v.version AS newer_version, v.at AS newer_since
  FROM send_decisions d CROSS JOIN LATERAL (
    SELECT p.version, p.at FROM preference_versions p
    WHERE p.subscriber_id = d.subscriber_id AND p.version > d.version ORDER BY p.version LIMIT 1) v
  WHERE d.decision = 'allow' AND v.at < d.decided_at;

-- Those that the sweep has found: never forgotten by it, so that the alert stays until somebody has looked.
CREATE TABLE found_broken_decisions (
  send_id uuid NOT NULL,
  number integer NOT NULL,
  tenant_id uuid NOT NULL,
  version bigint NOT NULL,
  newer_version bigint NOT NULL,
  decided_at timestamptz NOT NULL,
  found_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (send_id, number)
);

-- Notifications in the app.
CREATE TABLE inbox_items (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  subscriber_id uuid NOT NULL REFERENCES subscribers,
  notification_id uuid NOT NULL,
  topic text,
  category text,
  content_sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  read_at timestamptz,
  archived_at timestamptz
);
CREATE INDEX inbox_items_by_subscriber ON inbox_items (subscriber_id, id);

-- Down Migration
DROP TABLE inbox_items;
DROP TABLE found_broken_decisions;
DROP VIEW broken_decisions;
DROP TABLE send_decisions;
DROP TABLE sends;
DROP TABLE notifications;
DROP TABLE notification_template_versions;
DROP TABLE notification_templates;
DROP TABLE notification_settings;
DROP TRIGGER keep_version ON subscribers;
DROP FUNCTION keep_preference_version();
DROP TABLE preference_versions;
