-- Up Migration
ALTER TABLE businesses
  -- Grows with every change, for If-Match.
  ADD COLUMN version integer NOT NULL DEFAULT 1,
  -- When it was made, or its time zone or cut-off last changed. Days that were over before cannot have been settled in time.
  ADD COLUMN days_changed_at timestamptz NOT NULL DEFAULT now();
UPDATE businesses SET days_changed_at = created_at;

-- Down Migration
ALTER TABLE businesses DROP COLUMN version, DROP COLUMN days_changed_at;
