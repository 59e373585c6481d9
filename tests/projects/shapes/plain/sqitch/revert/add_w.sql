-- Revert app:add_w from pg

BEGIN;

ALTER TABLE t DROP COLUMN w;

COMMIT;
