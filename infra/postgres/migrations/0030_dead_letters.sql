-- Up Migration
-- Why an open dead letter was closed, and by whom; null for those closed before, and for those that a retry closed.
ALTER TABLE dead_letters ADD COLUMN resolved_reason text;
ALTER TABLE dead_letters ADD COLUMN resolved_by text;
-- Most dead letters are closed after a while: lists and statistics of the open ones do not walk through the others. The
-- tenant's index has all that the statistics need.
CREATE INDEX dead_letters_open_by_tenant ON dead_letters (tenant_id, place)
  INCLUDE (created_at, endpoint_id, event_type, reason) WHERE state = 'open';
CREATE INDEX dead_letters_open_by_endpoint ON dead_letters (endpoint_id, place) WHERE state = 'open';

-- Down Migration
DROP INDEX dead_letters_open_by_endpoint;
DROP INDEX dead_letters_open_by_tenant;
ALTER TABLE dead_letters DROP COLUMN resolved_by;
ALTER TABLE dead_letters DROP COLUMN resolved_reason;
