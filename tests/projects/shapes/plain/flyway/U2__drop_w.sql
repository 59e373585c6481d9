-- Flyway undo
ALTER TABLE t DROP COLUMN w;
