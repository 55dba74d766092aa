-- Up Migration
-- Retention removes a delivery's dead letters, closed ones too; there may be many of them.
CREATE INDEX dead_letters_by_delivery ON dead_letters (delivery_id);
-- Up to here open dead letters stayed when their delivery was removed, and nobody could see or retry them.
DELETE FROM dead_letters l WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.id = l.delivery_id);
-- Up to here answers of receivers outlived the contents: look at every old message once more.
DELETE FROM housekeeping WHERE task = 'expire-contents';

-- Down Migration
DROP INDEX dead_letters_by_delivery;
