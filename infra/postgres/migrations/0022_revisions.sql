-- Up Migration
-- Grows with every change that an answer shows, for If-Match. An endpoint's version grows only with what a delivery notices.
ALTER TABLE endpoints ADD COLUMN revision integer NOT NULL DEFAULT 1;
ALTER TABLE event_types ADD COLUMN revision integer NOT NULL DEFAULT 1;

-- Down Migration
ALTER TABLE endpoints DROP COLUMN revision;
ALTER TABLE event_types DROP COLUMN revision;
