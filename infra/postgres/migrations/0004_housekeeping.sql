-- Up Migration
-- How far a housekeeping task has come, so that its next run goes on from there.
CREATE TABLE housekeeping (
  task text PRIMARY KEY,
  position uuid NOT NULL
);

-- Down Migration
DROP TABLE housekeeping;
