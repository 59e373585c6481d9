-- migrate:up
ALTER TABLE t ADD COLUMN w text;

-- migrate:down
ALTER TABLE t DROP COLUMN w;
