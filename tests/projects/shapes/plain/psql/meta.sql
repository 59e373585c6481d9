ALTER TABLE t DROP COLUMN w;
\i other.sql
