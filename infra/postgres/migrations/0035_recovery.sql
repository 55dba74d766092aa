-- Up Migration
-- How often a delivery was taken from the dead letters without anybody asking for it. A message that kills its delivery
-- whenever it is sent is not sent for ever.
ALTER TABLE deliveries ADD COLUMN recoveries smallint NOT NULL DEFAULT 0;
-- The same as of when it was given up, and the moment from which on it may be taken again. Those whose endpoint failed a
-- probe with them go to the end.
ALTER TABLE dead_letters
  ADD COLUMN recoveries smallint NOT NULL DEFAULT 0,
  ADD COLUMN recover_at timestamptz NOT NULL DEFAULT now();
UPDATE dead_letters SET recover_at = created_at WHERE state = 'open';

-- What recovers with its endpoint, and has not recovered too often: see domains/webhooks/store/recoveries.ts.
DROP INDEX dead_letters_recoverable;
CREATE INDEX dead_letters_recoverable ON dead_letters (endpoint_id, recover_at, id)
  WHERE state = 'open' AND recoveries < 3 AND reason IN ('exhausted', 'backlog-expired')
    AND (last_status >= 500 OR last_status IN (408, 425, 429)
         OR last_status IS NULL AND last_error IN ('timeout', 'connection', 'dns', 'tls', 'protocol'));

-- Of endpoints whose circuit is closed: when one of their dead letters is tried next, and since when that has been in vain.
ALTER TABLE endpoint_circuits ADD COLUMN recover_at timestamptz, ADD COLUMN recover_since timestamptz;

-- Down Migration
ALTER TABLE endpoint_circuits DROP COLUMN recover_since, DROP COLUMN recover_at;
DROP INDEX dead_letters_recoverable;
CREATE INDEX dead_letters_recoverable ON dead_letters (endpoint_id, id)
  WHERE state = 'open' AND reason IN ('exhausted', 'backlog-expired')
    AND (last_status >= 500 OR last_status IN (408, 425, 429)
         OR last_status IS NULL AND last_error IN ('timeout', 'connection', 'dns', 'tls', 'protocol'));
ALTER TABLE dead_letters DROP COLUMN recover_at, DROP COLUMN recoveries;
ALTER TABLE deliveries DROP COLUMN recoveries;
