-- Up Migration
-- What a tenant's addresses are hashed with, sealed by the keyring: random and one a tenant, so that the keyring's keys may
-- change and suppressions still match.
CREATE TABLE address_keys (
  tenant_id uuid PRIMARY KEY REFERENCES tenants,
  key_sealed bytea NOT NULL
);

-- Somebody who is notified. What identifies them is sealed with a key of their own: without `data_key` no copy of it can be
-- read. The row itself stays: it is the lock that decisions and changes take turns by, and the end of the consent chain.
CREATE TABLE subscribers (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  -- The tenant's own id of them; null once erased.
  external_id text,
  locale text,
  time_zone text,
  -- start, end, channels; null for none.
  quiet_hours jsonb,
  profile_sealed bytea,
  -- Sealed by the keyring; null once destroyed.
  data_key bytea,
  -- Grows with everything that decisions about them depend on.
  preference_version bigint NOT NULL DEFAULT 1,
  revision bigint NOT NULL DEFAULT 1,
  -- The last entry of the chain in `consent_events`, and a keyed hash of it: who can only write to the database cannot make
  -- another end.
  consent_seq bigint NOT NULL DEFAULT 0,
  consent_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(consent_hash) = 32),
  consent_mac bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  erased_at timestamptz,
  CHECK ((erased_at IS NULL) = (external_id IS NOT NULL)),
  CHECK ((erased_at IS NULL) = (data_key IS NOT NULL))
);
CREATE UNIQUE INDEX subscribers_external ON subscribers (tenant_id, external_id);
CREATE INDEX subscribers_by_tenant ON subscribers (tenant_id, id);

-- Where somebody is reached. `address_hash` is the keyed hash of the channel and the normalised address.
CREATE TABLE destinations (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  subscriber_id uuid NOT NULL REFERENCES subscribers,
  channel text NOT NULL CHECK (channel IN ('email', 'sms', 'push', 'in_app', 'webhook')),
  address_sealed bytea NOT NULL,
  address_hash bytea NOT NULL CHECK (length(address_hash) = 32),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX destinations_once ON destinations (subscriber_id, channel, address_hash);
CREATE INDEX destinations_by_subscriber ON destinations (subscriber_id, id);
CREATE INDEX destinations_by_address ON destinations (tenant_id, channel, address_hash);

CREATE TABLE notification_categories (
  tenant_id uuid NOT NULL REFERENCES tenants,
  key text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  policy text NOT NULL CHECK (policy IN ('opt_out', 'opt_in', 'required')),
  commercial boolean NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);

CREATE TABLE notification_topics (
  tenant_id uuid NOT NULL REFERENCES tenants,
  key text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  category text NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key),
  FOREIGN KEY (tenant_id, category) REFERENCES notification_categories (tenant_id, key)
);
CREATE INDEX notification_topics_by_category ON notification_topics (tenant_id, category);

-- What somebody has chosen. Keys are not references: who opted out of a category that is removed has opted out of it if it
-- comes back.
CREATE TABLE preferences (
  id uuid NOT NULL UNIQUE,
  subscriber_id uuid NOT NULL REFERENCES subscribers,
  level text NOT NULL CHECK (level IN ('global', 'category', 'topic')),
  -- Empty for global.
  key text NOT NULL CHECK ((level = 'global') = (key = '')),
  channel text NOT NULL CHECK (channel IN ('*', 'email', 'sms', 'push', 'in_app', 'webhook')),
  value boolean NOT NULL,
  -- The subscriber's version that it was set with.
  version bigint NOT NULL,
  updated_by text NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (subscriber_id, level, key, channel)
);

-- Addresses that nothing is sent to. One that is lifted stays as a record.
CREATE TABLE suppressions (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  channel text NOT NULL CHECK (channel IN ('email', 'sms', 'push', 'in_app', 'webhook')),
  address_hash bytea NOT NULL CHECK (length(address_hash) = 32),
  -- '*', or the key of a category.
  scope text NOT NULL,
  reason text NOT NULL CHECK (reason IN ('user_request', 'bounce', 'complaint', 'admin_action', 'legal', 'erasure', 'invalid')),
  source text NOT NULL CHECK (source IN ('api', 'one_click', 'provider', 'import', 'erasure')),
  -- The address and the evidence, sealed by the keyring; null when there are none, or once erased.
  details_sealed bytea,
  revision bigint NOT NULL DEFAULT 1,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  -- From this second on it no longer counts; null for never.
  expires_at timestamptz CHECK (date_trunc('second', expires_at) = expires_at),
  lifted_at timestamptz,
  lifted_by text,
  lift_reason text,
  CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE UNIQUE INDEX suppressions_active ON suppressions (tenant_id, channel, address_hash, scope, reason)
  WHERE lifted_at IS NULL;
CREATE INDEX suppressions_by_tenant ON suppressions (tenant_id, id);
CREATE INDEX suppressions_by_address ON suppressions (tenant_id, channel, address_hash, id);

-- Proof of what somebody has agreed to and refused: a chain of hashes for each subscriber, like the audit log's.
CREATE TABLE consent_events (
  subscriber_id uuid NOT NULL REFERENCES subscribers,
  seq bigint NOT NULL CHECK (seq >= 1),
  at timestamptz NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  -- The change that it belongs to.
  subject text NOT NULL,
  payload jsonb NOT NULL,
  prev_hash bytea NOT NULL CHECK (length(prev_hash) = 32),
  hash bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (subscriber_id, seq)
);
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_events EXECUTE FUNCTION refuse_change();

-- Changes by their ids: a change happens once, and what follows it is open until it is done.
CREATE TABLE preference_changes (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  -- One of both.
  subscriber_id uuid REFERENCES subscribers,
  suppression_id uuid REFERENCES suppressions,
  kind text NOT NULL,
  -- The subscriber's version after it.
  version bigint,
  -- What its event says, apart from ids.
  summary jsonb NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
  -- When the sweep looks after it, if it is still open.
  due_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz,
  CHECK (num_nonnulls(subscriber_id, suppression_id) = 1)
);
CREATE INDEX preference_changes_due ON preference_changes (due_at) WHERE state = 'open';
CREATE INDEX preference_changes_done ON preference_changes (id) WHERE state = 'done';

-- What a decision about a subscriber depends on, in one round trip; null when there is no such subscriber. A function, since
-- what it reads must be read after its turn has come: with `hold` it waits for changes, and they for the transaction's end.
CREATE FUNCTION decision_facts(of_tenant uuid, of_subscriber uuid, of_channel text, of_topic text, of_category text,
                               of_destination uuid, hold boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  who subscribers;
  category_key text := of_category;
  facts jsonb;
BEGIN
  IF hold THEN
    SELECT * INTO who FROM subscribers s WHERE s.id = of_subscriber AND s.tenant_id = of_tenant FOR SHARE;
  ELSE
    SELECT * INTO who FROM subscribers s WHERE s.id = of_subscriber AND s.tenant_id = of_tenant;
  END IF;
  IF who.id IS NULL THEN RETURN NULL; END IF;
  IF of_topic IS NOT NULL THEN
    SELECT t.category INTO category_key FROM notification_topics t WHERE t.tenant_id = of_tenant AND t.key = of_topic;
  END IF;
  SELECT jsonb_build_object(
    'version', who.preference_version,
    'erased', who.erased_at IS NOT NULL,
    'timeZone', who.time_zone,
    'quietHours', who.quiet_hours,
    'now', floor(extract(epoch FROM clock_timestamp()) * 1000),
    'category', (SELECT jsonb_build_object('key', c.key, 'policy', c.policy, 'commercial', c.commercial)
                 FROM notification_categories c WHERE c.tenant_id = of_tenant AND c.key = category_key),
    'destinations', (SELECT count(*) FROM destinations d
                     WHERE d.subscriber_id = of_subscriber AND d.channel = of_channel
                       AND (of_destination IS NULL OR d.id = of_destination)),
    'preferences', (SELECT jsonb_agg(jsonb_build_object('id', p.id, 'level', p.level, 'key', p.key, 'channel', p.channel,
                                                        'value', p.value))
                    FROM preferences p
                    WHERE p.subscriber_id = of_subscriber AND p.channel IN ('*', of_channel)
                      AND (p.level = 'global' OR p.level = 'category' AND p.key = category_key
                           OR p.level = 'topic' AND p.key = of_topic)),
    'suppressions', (SELECT jsonb_agg(jsonb_build_object('id', x.id, 'scope', x.scope, 'reason', x.reason,
                                                         'expiresAt', extract(epoch FROM x.expires_at) * 1000))
                     FROM destinations d JOIN suppressions x
                       ON x.tenant_id = d.tenant_id AND x.channel = d.channel AND x.address_hash = d.address_hash
                     WHERE d.subscriber_id = of_subscriber AND d.channel = of_channel
                       AND (of_destination IS NULL OR d.id = of_destination)
                       AND x.lifted_at IS NULL AND x.scope IN ('*', category_key))
  ) INTO facts;
  RETURN facts;
END $$;

-- Down Migration
DROP FUNCTION decision_facts(uuid, uuid, text, text, text, uuid, boolean);
DROP TABLE preference_changes;
DROP TABLE consent_events;
DROP TABLE suppressions;
DROP TABLE preferences;
DROP TABLE notification_topics;
DROP TABLE notification_categories;
DROP TABLE destinations;
DROP TABLE subscribers;
DROP TABLE address_keys;
