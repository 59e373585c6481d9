-- Is anybody waiting for a lock on this table?  $1: its oid, $2: our own pids.
SELECT count(*) FROM pg_catalog.pg_locks
WHERE locktype = 'relation' AND relation = $1::oid AND NOT granted AND NOT pid = ANY ($2::int[])
  AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
