-- Up Migration
-- A delivery whose endpoint cannot take it now waits in the endpoint's backlog: one workflow attends to all of them,
-- however many there are, and finds them by this index. The others are found by their workflows, and by the sweep.
ALTER TABLE deliveries ADD COLUMN backlog boolean NOT NULL DEFAULT false;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state IN ('pending', 'retrying') AND NOT backlog;
CREATE INDEX deliveries_backlog ON deliveries (endpoint_id, next_attempt_at)
  WHERE state IN ('pending', 'retrying') AND backlog;

-- Until then new deliveries go straight to the endpoint's backlog. Whoever attends to the backlog moves it on; if nobody
-- does, first attempts are made at once again. No part of `version`: what is sent does not change by it.
ALTER TABLE endpoints ADD COLUMN backlog_until timestamptz;

-- Bytes of `body`, known without reading it; null for messages of earlier versions.
ALTER TABLE messages ADD COLUMN body_size integer;

-- Down Migration
ALTER TABLE messages DROP COLUMN body_size;
ALTER TABLE endpoints DROP COLUMN backlog_until;
DROP INDEX deliveries_backlog;
DROP INDEX deliveries_due;
ALTER TABLE deliveries DROP COLUMN backlog;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state IN ('pending', 'retrying');
