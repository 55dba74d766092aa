-- Up Migration
-- The lane of a delivery: 0 urgent, 1 normal, 2 bulk; see domains/webhooks/rules/lane.ts. Decided when its message is accepted.
ALTER TABLE deliveries ADD COLUMN lane smallint NOT NULL DEFAULT 1;

-- What is most overdue of one lane, in a backlog; and what is to be let go first of what is held.
CREATE INDEX deliveries_backlog_lanes ON deliveries (endpoint_id, lane, next_attempt_at)
  WHERE state IN ('pending', 'retrying') AND backlog;
CREATE INDEX deliveries_held_lanes ON deliveries (endpoint_id, lane, id) WHERE state = 'held';

-- Null where the event type says nothing of the lane.
ALTER TABLE event_types ADD COLUMN priority text CHECK (priority IN ('urgent', 'normal', 'bulk'));
CREATE INDEX event_types_with_priority ON event_types (tenant_id, name) WHERE priority IS NOT NULL;

-- What a tenant has laid down about lanes: weekdays that matter, 1 for Monday to 7 for Sunday.
CREATE TABLE priority_rules (
  tenant_id uuid PRIMARY KEY REFERENCES tenants,
  weekdays smallint[] NOT NULL DEFAULT '{}',
  -- 1 is that of a tenant that has laid down nothing.
  revision integer NOT NULL DEFAULT 2,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration
DROP TABLE priority_rules;
DROP INDEX event_types_with_priority;
ALTER TABLE event_types DROP COLUMN priority;
DROP INDEX deliveries_held_lanes;
DROP INDEX deliveries_backlog_lanes;
ALTER TABLE deliveries DROP COLUMN lane;
